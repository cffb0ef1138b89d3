import { compareText, type Millis } from '@yunke/kernel';

/** Money that went back to the customer at an instant; `minor` ≥ 0. */
export type Refund = { at: Millis; minor: number };

/**
 * What is kept of one order, or of one return that names no order, as it stood at `seq`.
 * `at`: placed, or returned. `voidedAt`: cancelled, or the instant its refunds reached its total (see `voidedAt`).
 * `minor` ≥ 0: the order's total, or the amount returned. `gone`: it now hangs on another subject; kept so that an older seq cannot bring it back.
 */
export type Entry = {
  kind: 'order' | 'return'; id: string; seq: number; at: Millis; voidedAt?: Millis;
  minor: number; currency: string; refunds: readonly Refund[]; gone?: true;
};

/** What is kept per subject. Entries stand by (at, kind, id), one per (kind, id), so that equal histories are equal values. */
export type SubjectHistory = { firstSeenAt?: Millis; entries: readonly Entry[] };

/** A function of time: `value[k]` from `at[k]` on, until `at[k + 1]`. `at` strictly ascends. */
export type Steps = { at: readonly Millis[]; value: readonly number[] };

/**
 * What the member subjects of a profile add up to.
 * `startedAt`: the earliest of first seen and first entry; before it nothing is true of the profile; undefined when nothing was ever seen.
 * `counted`: how many orders count, `first` and `last`: when the first and the last of them was placed (NaN while none counts).
 * `placed[k]` and `voided[k]` (Infinity: never): the k-th order that ever counts, by time. `net`: net revenue so far per currency, minor units.
 */
export type ProfileHistory = {
  startedAt: Millis | undefined;
  entries: readonly Entry[];
  placed: readonly Millis[]; voided: readonly Millis[];
  counted: Steps; first: Steps; last: Steps;
  net: ReadonlyMap<string, Steps>;
};

export type Money = { currency: string; orders: number; revenueMinor: number; averageMinor?: number };

/** As known at an instant. `recencyMs`: since the last counted order. `money`: by currency, ascending; currencies are never added. */
export type Traits = { orders: number; firstOrderAt?: Millis; lastOrderAt?: Millis; recencyMs?: Millis; money: Money[] };

const NO_STEPS: Steps = { at: [], value: [] };

/** The history that knows the subject since `at`, or since earlier. */
export const seen = (history: SubjectHistory, at: Millis): SubjectHistory =>
  history.firstSeenAt !== undefined && history.firstSeenAt <= at ? history : { ...history, firstSeenAt: at };

/** The history after one more state of an order or return. The largest seq stays, so order and repetition do not matter. */
export function apply(history: SubjectHistory, entry: Entry): SubjectHistory {
  const held = history.entries.findIndex((other) => other.id === entry.id && other.kind === entry.kind);
  if (held >= 0 && history.entries[held]!.seq >= entry.seq) return history;
  const entries = held < 0 ? history.entries.slice() : history.entries.toSpliced(held, 1);
  let place = entries.length;
  while (place > 0 && byTime(entries[place - 1]!, entry) > 0) place--;
  entries.splice(place, 0, entry);
  return { ...history, entries };
}

/**
 * The instant from which an order counts no more: its cancellation, or when its refunds reached its total, whichever is earlier.
 * An order of nothing (total 0) is voided by its cancellation only.
 */
export function voidedAt(minor: number, refunds: readonly Refund[], cancelledAt?: Millis): Millis | undefined {
  let back = 0;
  for (const refund of refunds.toSorted((a, b) => a.at - b.at)) {
    back += refund.minor;
    if (minor > 0 && back >= minor) return cancelledAt === undefined ? refund.at : Math.min(cancelledAt, refund.at);
  }
  return cancelledAt;
}

/** The history of a profile: the union over its subjects. An order is not gone at one of them at most, so nothing is counted twice. */
export function fold(histories: readonly SubjectHistory[]): ProfileHistory {
  const entries: Entry[] = [];
  let startedAt = Infinity;
  for (const { firstSeenAt, entries: held } of histories) {
    if (firstSeenAt !== undefined && firstSeenAt < startedAt) startedAt = firstSeenAt;
    for (const entry of held) if (!entry.gone) entries.push(entry);
  }
  entries.sort(byTime);
  if (entries.length > 0 && entries[0]!.at < startedAt) startedAt = entries[0]!.at;
  return { startedAt: startedAt === Infinity ? undefined : startedAt, entries, ...orderSteps(entries), net: netRevenue(entries) };
}

/** What is known of a profile at `at`, from entries at or before it. An average is net revenue per counted order, rounded half-even. */
export function traits(history: ProfileHistory, at: Millis): Traits {
  const orders = valueAt(history.counted, at);
  const money = [...history.net].filter(([, steps]) => steps.at[0]! <= at).map(([currency, steps]): Money => {
    const counting = history.entries.filter((entry) => entry.kind === 'order' && entry.currency === currency && entry.at <= at && ends(entry) > at);
    const revenueMinor = valueAt(steps, at);
    return { currency, orders: counting.length, revenueMinor, ...(counting.length > 0 && { averageMinor: halfEven(revenueMinor, counting.length) }) };
  });
  money.sort((a, b) => compareText(a.currency, b.currency));
  if (orders === 0) return { orders, money };
  const lastOrderAt = valueAt(history.last, at);
  return { orders, firstOrderAt: valueAt(history.first, at), lastOrderAt, recencyMs: at - lastOrderAt, money };
}

/** The value of a function of time at an instant; `before` its first step. */
export function valueAt(steps: Steps, at: Millis, before = 0): number {
  let low = 0;
  let high = steps.at.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (steps.at[middle]! <= at) low = middle + 1;
    else high = middle;
  }
  return low === 0 ? before : steps.value[low - 1]!;
}

const byTime = (a: Entry, b: Entry): number => a.at - b.at || compareText(a.kind, b.kind) || compareText(a.id, b.id);

/** Nothing of an order takes effect before the order does: a source's clock may put a refund before it. */
const ends = (order: Entry): Millis => (order.voidedAt === undefined ? Infinity : Math.max(order.voidedAt, order.at));

/** One sweep over the instants at which an order begins or ceases to count. */
function orderSteps(entries: readonly Entry[]): Pick<ProfileHistory, 'placed' | 'voided' | 'counted' | 'first' | 'last'> {
  const orders = entries.filter((entry) => entry.kind === 'order' && ends(entry) > entry.at);
  if (orders.length === 0) return { placed: [], voided: [], counted: NO_STEPS, first: NO_STEPS, last: NO_STEPS };
  const placed = orders.map((order) => order.at);
  const voided = orders.map(ends);
  const voids = voided.filter((at) => at < Infinity).sort((a, b) => a - b);
  const at: Millis[] = [];
  const [counted, first, last]: [number[], number[], number[]] = [[], [], []];
  const open: number[] = []; // the orders so far, newest on top; a voided one is dropped when it comes to the top
  let begun = 0, ended = 0, oldest = 0;
  while (begun < placed.length || ended < voids.length) {
    const now = ended < voids.length && (begun === placed.length || voids[ended]! < placed[begun]!) ? voids[ended]! : placed[begun]!;
    for (; begun < placed.length && placed[begun] === now; begun++) open.push(begun);
    while (ended < voids.length && voids[ended] === now) ended++;
    while (open.length > 0 && voided[open[open.length - 1]!]! <= now) open.pop();
    while (oldest < begun && voided[oldest]! <= now) oldest++;
    at.push(now);
    counted.push(begun - ended);
    first.push(open.length > 0 ? placed[oldest]! : NaN);
    last.push(open.length > 0 ? placed[open[open.length - 1]!]! : NaN);
  }
  return { placed, voided, counted: { at, value: counted }, first: { at, value: first }, last: { at, value: last } };
}

/** Net revenue so far per currency: orders, less returns, refunds and what a cancellation takes back. */
function netRevenue(entries: readonly Entry[]): Map<string, Steps> {
  const flows = new Map<string, Refund[]>();
  for (const entry of entries) {
    let own = flows.get(entry.currency);
    if (!own) flows.set(entry.currency, (own = []));
    own.push({ at: entry.at, minor: entry.kind === 'order' ? entry.minor : -entry.minor });
    if (entry.kind === 'order' && (entry.refunds.length > 0 || entry.voidedAt !== undefined)) takeBack(entry, own);
  }
  const net = new Map<string, Steps>();
  for (const [currency, own] of flows) net.set(currency, accumulated(own.sort((a, b) => a.at - b.at)));
  return net;
}

/**
 * Adds what an order gives back, as negative amounts. At each instant it has given back the larger of its refunds so far and,
 * once voided, its total: so the money that follows a cancellation is not taken away twice.
 */
function takeBack(order: Entry, into: Refund[]): void {
  const voided = ends(order);
  const changes = order.refunds.map((refund) => ({ at: Math.max(refund.at, order.at), minor: refund.minor }));
  if (voided < Infinity) changes.push({ at: voided, minor: 0 });
  let refunded = 0, back = 0;
  for (const change of changes.sort((a, b) => a.at - b.at)) {
    refunded += change.minor;
    const owed = change.at >= voided ? Math.max(refunded, order.minor) : refunded;
    into.push({ at: change.at, minor: back - owed });
    back = owed;
  }
}

function accumulated(flows: readonly Refund[]): Steps {
  const at: Millis[] = [];
  const value: number[] = [];
  let sum = 0;
  for (const flow of flows) {
    sum += flow.minor;
    if (at.length > 0 && at[at.length - 1] === flow.at) value[value.length - 1] = sum;
    else { at.push(flow.at); value.push(sum); }
  }
  return { at, value };
}

function halfEven(amount: number, parts: number): number {
  const down = Math.floor(amount / parts);
  const twice = 2 * (amount - down * parts);
  return twice > parts || (twice === parts && down % 2 !== 0) ? down + 1 : down;
}
