import type { Money, OrderStands, ReturnStands, Standing, Traits } from './expected.js';

const DAY = 86_400_000;
const BASE = 'CNY';
/** Every span after which something that happened may count otherwise: windows and ages, and a tier's thirty days more. */
const SPANS = [0, 30, 90, 180, 365, 395].map((days) => days * DAY);

/** An order that somebody placed, or a return without one. It counts from `at` until `ends`. */
type Entry = { readonly isOrder: boolean; readonly at: number; readonly ends: number; readonly minor: number; readonly currency: string; readonly refunds: readonly { readonly at: number; readonly minor: number }[] };

/** Where somebody stands at `now` by definition: what is true at each instant at which anything could change, one by one. */
export function standing(firstSeenAt: string, orders: readonly OrderStands[], returns: readonly ReturnStands[], now: number): Standing {
  const entries = [...orders.filter(({ placedAt }) => placedAt !== undefined).map(orderEntry), ...returns.map(returnEntry)];
  const start = Math.min(Date.parse(firstSeenAt), ...entries.map(({ at }) => at));
  const happened = entries.flatMap(({ at, ends, refunds }) => [at, ends, ...refunds.map((refund) => refund.at)]);
  const instants = [...new Set([start, ...happened.flatMap((at) => SPANS.map((span) => at + span))])].filter((at) => at >= start && at <= now).sort((a, b) => a - b);
  const truths = instants.map((at) => namesAt(entries, instants, at));
  const segments = truths.at(-1)!.map((name) => [name, new Date(instants[truths.findLastIndex((names) => !names.includes(name)) + 1]!).toISOString()]);
  return { segments: Object.fromEntries(segments), traits: traitsAt(entries, now) };
}

/** An order ends with its cancellation, or when its refunds reach its total, if it has one; nothing of it happens before it was placed. */
function orderEntry({ placedAt, cancelledAt, totalMinor, currency = 'XXX', refunds: paidBack }: OrderStands): Entry {
  const [at, minor] = [Date.parse(placedAt!), Math.max(0, Number(totalMinor))];
  const refunds = paidBack.map((refund) => ({ at: Math.max(at, Date.parse(refund.at)), minor: Number(refund.amountMinor) })).sort((a, b) => a.at - b.at);
  const refundedAt = refunds.filter((_, last) => minor > 0 && refunds.slice(0, last + 1).reduce((sum, refund) => sum + refund.minor, 0) >= minor).map((refund) => refund.at);
  const ends = Math.max(at, Math.min(cancelledAt === undefined ? Infinity : Date.parse(cancelledAt), ...refundedAt));
  return { isOrder: true, at, ends, minor, currency, refunds };
}

const returnEntry = ({ effectiveAt, refundMinor, currency }: ReturnStands): Entry => ({ isOrder: false, at: Date.parse(effectiveAt), ends: Infinity, minor: Number(refundMinor), currency, refunds: [] });

/** What an entry has brought by an instant. An order that ended brought nothing, and less where more was paid back than it cost. */
function worth({ isOrder, at, ends, minor, refunds }: Entry, now: number): number {
  if (now < at) return 0;
  if (!isOrder) return -minor;
  const back = refunds.filter((refund) => refund.at <= now).reduce((sum, refund) => sum + refund.minor, 0);
  return minor - (now >= ends ? Math.max(minor, back) : back);
}

const net = (entries: readonly Entry[], currency: string, now: number): number => entries.filter((entry) => entry.currency === currency).reduce((sum, entry) => sum + worth(entry, now), 0);
const counting = (entries: readonly Entry[], now: number): Entry[] => entries.filter(({ isOrder, at, ends }) => isOrder && at <= now && now < ends);

function traitsAt(entries: readonly Entry[], now: number): Traits {
  const orders = counting(entries, now);
  const times = orders.map(({ at }) => at);
  const money = [...new Set(entries.filter(({ at }) => at <= now).map(({ currency }) => currency))].sort().map((currency): Money => {
    const [count, revenueMinor] = [orders.filter((order) => order.currency === currency).length, net(entries, currency, now)];
    return { currency, orders: count, revenueMinor, ...(count > 0 && { averageMinor: average(revenueMinor, count) }) };
  });
  const iso = (at: number): string => new Date(at).toISOString();
  return { orders: orders.length, ...(orders.length > 0 && { firstOrderAt: iso(Math.min(...times)), lastOrderAt: iso(Math.max(...times)) }), money };
}

/** Half to even. */
function average(sum: number, count: number): number {
  const down = Math.floor(sum / count);
  const rest = sum - down * count;
  return rest * 2 === count ? down + Math.abs(down % 2) : rest * 2 > count ? down + 1 : down;
}

/** The shipped segments of issue 3 with the fixed cut points, by what counts at an instant. */
function namesAt(entries: readonly Entry[], instants: readonly number[], now: number): string[] {
  const orders = counting(entries, now);
  if (orders.length === 0) return ['lifecycle.prospect'];
  const [first, last] = [Math.min(...orders.map(({ at }) => at)), Math.max(...orders.map(({ at }) => at))];
  const age = (now - last) / DAY;
  const year = (at: number): number => net(entries, BASE, at) - net(entries, BASE, at - 365 * DAY);
  // a tier lasts thirty days after it was last reached: look at each instant of those days at which it may have been
  const reached = (least: number): boolean => [now, now - 30 * DAY, ...instants.filter((at) => at <= now && at > now - 30 * DAY)].some((at) => year(at) >= least);
  const value = reached(100_000) ? 'high' : reached(20_000) ? 'middle' : 'low';
  const activity = now - first < 30 * DAY ? 'new' : age < 90 ? 'active' : age < 180 ? 'at_risk' : age < 365 ? 'dormant' : 'lost';
  const lifecycle = orders.length >= 5 ? 'loyal' : orders.length >= 2 ? 'repeat' : 'first';
  const score = (seen: number, cuts: readonly number[]): number => 1 + cuts.filter((cut) => seen >= cut).length;
  const band = bandOf(6 - score(age, [30, 90, 180, 365]), score(orders.length, [2, 3, 5, 10]), score(net(entries, BASE, now), [5_000, 20_000, 50_000, 100_000]));
  return [`value.${value}`, `activity.${activity}`, `lifecycle.${lifecycle}`, `rfm.${band}`];
}

/** The bands by recency, frequency and money, 1 to 5 each; the first that fits. */
function bandOf(r: number, f: number, m: number): string {
  if (r === 5 && f === 5 && m === 5) return 'champions';
  if (r >= 4 && f >= 4 && m >= 3) return 'loyal';
  if (r >= 4 && f >= 3 && m >= 2) return 'potential_loyalist';
  if (r === 5 && f <= 2 && m <= 2) return 'new';
  if (r >= 4) return 'promising';
  if (r === 3) return 'needs_attention';
  if (f >= 4 && m >= 4) return 'cannot_lose';
  if (f >= 3) return 'at_risk';
  return r === 1 && f === 1 ? 'lost' : 'hibernating';
}
