import type { Line as SeenLine, OrderObserved, OrderState, ShipmentObserved } from '@yunke/contracts';
import { compareVersions, iso, millis, minor, type Millis, type Version } from '@yunke/kernel';

import type { Saga } from './saga.js';

/** The milestones of an order, in the order in which a shop reaches them. */
export const MILESTONES = ['placed', 'reviewed', 'paid', 'allocated', 'picked', 'packed', 'shipped', 'inTransit', 'outForDelivery', 'delivered', 'completed', 'cancelled'] as const;
export type Milestone = (typeof MILESTONES)[number];

/** A value and the observation that last said it: an index into the order's `versions`. */
type Register<T> = readonly [value: T, by: number];

export type Line = { readonly sku: string; readonly name?: string; readonly category?: string; readonly quantity: number; readonly unitPrice?: string; readonly totalMinor: number };

type Fields = { [M in Milestone]?: Register<Millis> } & {
  promised?: Register<Millis>; subject?: Register<string>; currency?: Register<string>; country?: Register<string>;
  totalMinor?: Register<number>; shippingMinor?: Register<number>; taxMinor?: Register<number>; discountMinor?: Register<number>;
};

type Shipment = { [M in Milestone]?: Register<Millis> } & { carrier?: Register<string>; promised?: Register<Millis> };

/** The deadlines that were said to be missed: which promise, and the stage since when. */
export type Missed = { readonly promise?: Millis; readonly stageSince?: Millis };

/** What a return did to its order: kept by return.ts, which folds it. */
export type OrderReturn = { readonly refundMinor: number; readonly currency?: string; readonly refundedAt?: Millis; readonly receivedAt?: Millis };

/** The fold of everything observed about one order: each field, each line and each shipment is a register merged by version. */
export type Order = {
  readonly id: string;
  /** How many facts were said of it. */
  readonly seq: number;
  readonly versions: readonly Version[];
  readonly fields: Fields;
  readonly lines: Readonly<Record<string, Register<Line>>>;
  readonly shipments: Readonly<Record<string, Shipment>>;
  readonly returns: Readonly<Record<string, OrderReturn>>;
  /** Every subject that an observation ever named, sorted. */
  readonly subjects: readonly string[];
  /** Somebody told of it who does not tell history: only such an order wants stock. */
  readonly live?: true;
  /** What was asked of inventory, and its answer (reservation.ts). */
  readonly saga?: Saga;
  /** The deadlines that it missed, as was said (deadline.ts). */
  readonly missed?: Missed;
  /** How many times its lines were recorded. */
  readonly linesSeq?: number;
};

export const unknownOrder = (id: string): Order => ({ id, seq: 0, versions: [], fields: {}, lines: {}, shipments: {}, returns: {}, subjects: [] });

type Observation = { readonly version?: string; readonly occurredAt: string; readonly acceptedAt: string; readonly messageId: string };

/** The place of an observation in the one total order: the source's own version, else the corrected event time. */
export const versionOf = (seen: Observation): Version => [Number(seen.version ?? millis(seen.occurredAt)), millis(seen.acceptedAt), seen.messageId];

/** The order after one more observation. What was seen before changes nothing; what comes late fills its gap. */
export function observe(order: Order, seen: OrderObserved): Order {
  const versions = [...order.versions, versionOf(seen)];
  const fields = { ...order.fields };
  const lines = { __proto__: null, ...order.lines } as unknown as Record<string, Register<Line>>; // a line may be called `constructor` or `__proto__`
  const said: Record<string, unknown> = { ...milestonesOf(seen), promised: at(seen.promisedAt), subject: seen.subject || undefined, currency: seen.currency, country: seen.country,
    totalMinor: amount(seen.totalMinor), shippingMinor: amount(seen.shippingMinor), taxMinor: amount(seen.taxMinor), discountMinor: amount(seen.discountMinor) };
  mergeInto(fields as Record<string, Register<unknown>>, said, versions);
  mergeInto(lines, Object.fromEntries(seen.lines.map((line) => [line.lineId, lineOf(line)])), versions);
  const subjects = seen.subject && !order.subjects.includes(seen.subject) ? [...order.subjects, seen.subject].sort() : order.subjects;
  return compact({ ...order, ...liveAfter(order, seen), versions, fields, lines, subjects });
}

/** The order after one more word about one of its parcels. */
export function observeShipment(order: Order, seen: ShipmentObserved): Order {
  const versions = [...order.versions, versionOf(seen)];
  const shipment = { ...(Object.hasOwn(order.shipments, seen.shipmentId) && order.shipments[seen.shipmentId]) };
  mergeInto(shipment as Record<string, Register<unknown>>, { ...milestonesOf(seen), carrier: seen.carrier, promised: at(seen.promisedAt) }, versions);
  return compact({ ...order, ...liveAfter(order, seen), versions, shipments: { ...order.shipments, [seen.shipmentId]: shipment } });
}

const liveAfter = (order: Order, { history }: { history: boolean }): { live?: true } => (order.live || !history ? { live: true } : {});

/** The order after one of its returns changed; undefined takes the return away (it belongs to another order). */
export function withReturn(order: Order, returnId: string, change: OrderReturn | undefined): Order {
  const { [returnId]: _, ...others } = order.returns;
  return { ...order, returns: change ? { ...others, [returnId]: change } : others };
}

const amount = (value: string | undefined): number | undefined => (value === undefined ? undefined : minor(value));
const at = (value: string | undefined): Millis | undefined => (value === undefined ? undefined : millis(value));

function milestonesOf(seen: OrderObserved | ShipmentObserved): { [M in Milestone]?: Millis } {
  const times = seen as { [M in Milestone as `${M}At`]?: string };
  const milestones: { [M in Milestone]?: Millis } = {};
  for (const milestone of MILESTONES) if (times[`${milestone}At`] !== undefined) milestones[milestone] = millis(times[`${milestone}At`]!);
  return milestones;
}

function lineOf({ sku, name, category, quantity, unitPrice, totalMinor }: SeenLine): Line {
  return { sku, quantity: Number(quantity), totalMinor: minor(totalMinor), ...(name !== undefined && { name }), ...(category !== undefined && { category }), ...(unitPrice !== undefined && { unitPrice }) };
}

/** Keeps, per name, the value whose observation is the larger one in the total order. The new observation is the last of `versions`. Foreign names need `registers` without a prototype. */
function mergeInto<T>(registers: Record<string, Register<T>>, said: Record<string, T | undefined>, versions: readonly Version[]): void {
  const by = versions.length - 1;
  for (const [name, value] of Object.entries(said)) {
    const held = registers[name];
    if (value !== undefined && (!held || compareVersions(versions[by]!, versions[held[1]]!) > 0)) registers[name] = [value, by];
  }
}

/** Forgets the versions that no register points to any more. */
function compact(order: Order): Order {
  const used = usedIn([order.fields as Record<string, Register<unknown>>, order.lines, ...Object.values(order.shipments) as Record<string, Register<unknown>>[]]);
  if (used.length === order.versions.length) return order;
  const moved = new Map(used.map((by, index) => [by, index]));
  const renumber = <G extends object>(group: G): G => Object.fromEntries(Object.entries(group as Record<string, Register<unknown>>).map(([name, [value, by]]) => [name, [value, moved.get(by)!]])) as G;
  const shipments = Object.fromEntries(Object.entries(order.shipments).map(([id, shipment]) => [id, renumber(shipment)]));
  return { ...order, versions: used.map((by) => order.versions[by]!), fields: renumber(order.fields), lines: renumber(order.lines), shipments };
}

function usedIn(groups: readonly Readonly<Record<string, Register<unknown>>>[]): number[] {
  const used = new Set<number>();
  for (const group of groups) for (const name in group) used.add(group[name]![1]);
  return [...used].sort((a, b) => a - b);
}

/** What an order amounts to: everything below is derived from the registers and never stored by itself. */
export function reached(order: Order): { [M in Milestone]?: Millis } {
  const own: { [M in Milestone]?: Millis } = {};
  for (const milestone of MILESTONES) if (order.fields[milestone]) own[milestone] = order.fields[milestone][0];
  const parcels = Object.values(order.shipments);
  for (const milestone of ['shipped', 'inTransit', 'outForDelivery'] as const) {
    const times = parcels.flatMap((parcel) => parcel[milestone]?.[0] ?? []);
    if (own[milestone] === undefined && times.length > 0) own[milestone] = Math.min(...times);
  }
  const delivered = parcels.flatMap((parcel) => parcel.delivered?.[0] ?? []); // delivered when the last known parcel is
  if (own.delivered === undefined && delivered.length > 0 && delivered.length === parcels.length) own.delivered = Math.max(...delivered);
  if (own.allocated === undefined && order.saga?.allocatedAt !== undefined) own.allocated = order.saga.allocatedAt;
  return own;
}

/** The total in minor units: what the source says, else the lines with shipping and tax, less the discount. */
export function totalMinor({ fields, lines }: Order): number {
  if (fields.totalMinor) return fields.totalMinor[0];
  const sum = Object.values(lines).reduce((total, [line]) => total + line.totalMinor, 0);
  return sum + (fields.shippingMinor?.[0] ?? 0) + (fields.taxMinor?.[0] ?? 0) - (fields.discountMinor?.[0] ?? 0);
}

type Refund = { readonly returnId: string; readonly at: Millis; readonly amountMinor: number; readonly currency: string | undefined };

/** Amounts of different currencies are never added: a refund in another currency than its order's stands beside it. */
export function refunds(order: Order): { own: Refund[]; foreign: Refund[] } {
  const currency = order.fields.currency?.[0];
  const all = Object.entries(order.returns).flatMap(([returnId, given]): Refund[] => (given.refundMinor > 0 && given.refundedAt !== undefined ? [{ returnId, at: given.refundedAt, amountMinor: given.refundMinor, currency: given.currency }] : []))
    .sort((a, b) => a.at - b.at || (a.returnId < b.returnId ? -1 : 1));
  const isForeign = (refund: Refund): boolean => currency !== undefined && refund.currency !== undefined && refund.currency !== currency;
  return { own: all.filter((refund) => !isForeign(refund)), foreign: all.filter(isForeign) };
}

export const STATUS: Record<Milestone, OrderState['status']> = { placed: 'placed', reviewed: 'reviewed', paid: 'paid', allocated: 'allocated', picked: 'picked', packed: 'packed', shipped: 'shipped',
  inTransit: 'in_transit', outForDelivery: 'out_for_delivery', delivered: 'delivered', completed: 'completed', cancelled: 'cancelled' };

/** The order as the contract shows it. An order without a `placed` of its own counts from its first milestone. */
export function stateOf(order: Order, milestones = reached(order)): OrderState {
  const { own: paidBack } = refunds(order);
  const refundedMinor = paidBack.reduce((sum, { amountMinor }) => sum + amountMinor, 0);
  const times = Object.values(milestones);
  const placedAt = milestones.placed ?? (times.length > 0 ? Math.min(...times) : undefined);
  const total = totalMinor(order);
  const furthest = MILESTONES.findLast((milestone) => milestones[milestone] !== undefined);
  const wentBack = refundedMinor > 0 && refundedMinor >= total ? 'refunded' : Object.values(order.returns).some(({ receivedAt }) => receivedAt !== undefined) ? 'returned' : undefined;
  const subject = order.fields.subject?.[0] ?? '';
  const backordered = order.saga?.backordered;
  return {
    subject, formerSubjects: order.subjects.filter((one) => one !== subject),
    status: milestones.cancelled !== undefined ? 'cancelled' : (wentBack ?? (backordered && furthest === 'paid' ? 'backordered' : furthest ? STATUS[furthest] : 'unknown')),
    ...(placedAt !== undefined && { placedAt: iso(placedAt) }), ...(milestones.cancelled !== undefined && { cancelledAt: iso(milestones.cancelled) }),
    ...(order.fields.currency && { currency: order.fields.currency[0] }),
    totalMinor: String(total), refundedMinor: String(refundedMinor),
    refunds: paidBack.map(({ returnId, at: when, amountMinor }) => ({ returnId, at: iso(when), amountMinor: String(amountMinor) })),
    ...(backordered && { backorderedAt: iso(backordered.at) }),
  };
}

/** An order with what is derived from it, for who needs it several times. */
export type View = { readonly order: Order; readonly milestones: ReturnType<typeof reached>; readonly state: OrderState };

export function viewOf(order: Order): View {
  const milestones = reached(order);
  return { order, milestones, state: stateOf(order, milestones) };
}
