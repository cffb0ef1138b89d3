import type { OrderObserved, ReturnObserved, ShipmentObserved } from '@yunke/contracts';

import type { OrderStands, ReturnStands } from './expected.js';
import type { Observation } from './observations.js';

/** In the order in which a shop reaches them; the status that each gives. */
const MILESTONES = {
  placed: 'placed', reviewed: 'reviewed', paid: 'paid', allocated: 'allocated', picked: 'picked', packed: 'packed', shipped: 'shipped', inTransit: 'in_transit',
  outForDelivery: 'out_for_delivery', delivered: 'delivered', completed: 'completed', cancelled: 'cancelled',
};

type Versioned = { readonly version?: string; readonly occurredAt: string; readonly acceptedAt: string; readonly messageId: string };

/** Design 3.1: the source's version or the event time, then when it was accepted, then the message id. Ascending. */
function inTotalOrder<T extends Versioned>(all: readonly T[]): T[] {
  const rank = (one: T): number => (one.version === undefined ? Date.parse(one.occurredAt) : Number(one.version));
  return [...all].sort((a, b) => rank(a) - rank(b) || Date.parse(a.acceptedAt) - Date.parse(b.acceptedAt) || (a.messageId < b.messageId ? -1 : 1));
}

/** What the last of them that tells a field says about it. */
function lastWord<T extends Versioned>(all: readonly T[], field: string): string | undefined {
  const said = inTotalOrder(all).map((one) => (one as Record<string, unknown>)[field]).filter((value) => value !== undefined && value !== '');
  return said.at(-1) as string | undefined;
}

const group = <T>(all: readonly T[], keyOf: (one: T) => string | undefined): Map<string, T[]> => {
  const groups = new Map<string, T[]>();
  for (const one of all) if (keyOf(one)) groups.set(keyOf(one)!, [...(groups.get(keyOf(one)!) ?? []), one]);
  return groups;
};

type ReturnTold = { readonly id: string; readonly subject: string; readonly orderId: string | undefined; readonly currency: string; readonly minor: number; readonly receivedAt: string | undefined; readonly refundedAt: string | undefined };

/** A return is what is last said of each of its fields; an observation without an amount means the sum of its lines, if it has any. */
function returnsIn(observations: readonly Observation[]): ReturnTold[] {
  const seen = observations.flatMap(({ type, body }) => (type === 'ReturnObserved' ? [body as ReturnObserved] : []));
  return [...group(seen, ({ returnId }) => returnId)].map(([id, all]) => {
    const amounts = all.map((one) => ({ ...one, refundMinor: one.refundMinor ?? (one.lines.length === 0 ? undefined : String(one.lines.reduce((sum, { totalMinor }) => sum + Math.abs(Number(totalMinor)), 0))) }));
    return {
      id, subject: lastWord(all, 'subject') ?? '', orderId: lastWord(all, 'orderId'), currency: lastWord(all, 'currency') ?? '', minor: Number(lastWord(amounts, 'refundMinor') ?? 0),
      receivedAt: lastWord(all, 'receivedAt'), refundedAt: lastWord(all, 'refundedAt'),
    };
  });
}

/** The returns that point at no order and gave something back, by return id. */
export function standingReturns(observations: readonly Observation[]): Record<string, ReturnStands> {
  const alone = returnsIn(observations).filter(({ orderId, refundedAt, minor }) => orderId === undefined && refundedAt !== undefined && minor > 0);
  return Object.fromEntries(alone.map(({ id, subject, currency, minor, refundedAt }) => [id, { subject, currency, refundMinor: String(minor), effectiveAt: refundedAt! }]));
}

/** Every order that anything ever named, as its source's last words say. */
export function standingOrders(observations: readonly Observation[]): Record<string, OrderStands> {
  const seen = group(observations.flatMap(({ type, body }) => (type === 'OrderObserved' ? [body as OrderObserved] : [])), ({ orderId }) => orderId);
  const parcels = group(observations.flatMap(({ type, body }) => (type === 'ShipmentObserved' ? [body as ShipmentObserved] : [])), ({ orderId }) => orderId);
  const returned = group(returnsIn(observations), ({ orderId }) => orderId);
  const ids = new Set(observations.flatMap(({ body }) => ('orderId' in body && body.orderId) || []));
  return Object.fromEntries([...ids].map((id) => [id, stands(seen.get(id) ?? [], parcels.get(id) ?? [], returned.get(id) ?? [])]));
}

function stands(seen: readonly OrderObserved[], parcels: readonly ShipmentObserved[], returns: readonly ReturnTold[]): OrderStands {
  const milestones = milestonesOf(seen, parcels);
  const lines = linesOf(seen);
  const number = (field: string): number => Number(lastWord(seen, field) ?? 0);
  const total = lastWord(seen, 'totalMinor') === undefined
    ? Object.values(lines).reduce((sum, { totalMinor }) => sum + totalMinor, 0) + number('shippingMinor') + number('taxMinor') - number('discountMinor') : number('totalMinor');
  const currency = lastWord(seen, 'currency');
  const isOwn = (one: ReturnTold): boolean => !currency || one.currency === '' || one.currency === currency; // amounts of different currencies are never added
  const given = returns.filter(({ minor, refundedAt }) => minor > 0 && refundedAt !== undefined).sort((a, b) => (`${a.refundedAt} ${a.id}` < `${b.refundedAt} ${b.id}` ? -1 : 1));
  const refunds = given.filter(isOwn).map(({ id, minor, refundedAt }) => ({ returnId: id, at: refundedAt!, amountMinor: String(minor) }));
  const foreignRefunds = given.filter((one) => !isOwn(one)).map(({ id, minor, refundedAt, currency: other }) => ({ returnId: id, at: refundedAt!, amountMinor: String(minor), currency: other }));
  const refunded = refunds.reduce((sum, { amountMinor }) => sum + Number(amountMinor), 0);
  const subject = lastWord(seen, 'subject') ?? '';
  const furthest = Object.keys(MILESTONES).filter((milestone) => milestones[milestone] !== undefined).at(-1) as keyof typeof MILESTONES | undefined;
  const status = milestones['cancelled'] ? 'cancelled' : refunded > 0 && refunded >= total ? 'refunded' : returns.some(({ receivedAt }) => receivedAt) ? 'returned' : furthest ? MILESTONES[furthest] : 'unknown';
  const placedAt = milestones['placed'] ?? Object.values(milestones).sort()[0];
  return {
    subject, formerSubjects: [...new Set(seen.map((one) => one.subject))].filter((one) => one !== '' && one !== subject).sort(), status,
    ...(placedAt && { placedAt }), ...(milestones['cancelled'] && { cancelledAt: milestones['cancelled'] }), ...(currency && { currency }),
    totalMinor: String(total), refundedMinor: String(refunded), refunds, foreignRefunds, milestones, lines,
  };
}

/** The order's own word, else its parcels': the first that is on its way; delivered when every known parcel is. */
function milestonesOf(seen: readonly OrderObserved[], parcels: readonly ShipmentObserved[]): Record<string, string> {
  const reached: Record<string, string> = {};
  const byParcel = [...group(parcels, ({ shipmentId }) => shipmentId).values()];
  for (const milestone of Object.keys(MILESTONES)) {
    const times = byParcel.map((all) => lastWord(all, `${milestone}At`)).filter((at) => at !== undefined).sort();
    const theirs = milestone === 'delivered' ? (times.length === byParcel.length ? times.at(-1) : undefined) : times[0];
    const at = lastWord(seen, `${milestone}At`) ?? theirs;
    if (at !== undefined) reached[milestone] = at;
  }
  return reached;
}

function linesOf(seen: readonly OrderObserved[]): OrderStands['lines'] {
  const all = inTotalOrder(seen).flatMap(({ lines }) => lines.map(({ lineId, sku, quantity, totalMinor }) => [lineId, { sku, quantity: Number(quantity), totalMinor: Number(totalMinor) }] as const));
  return Object.fromEntries(all); // of several words about one line the last stays
}
