import { DAY, iso, type Millis } from '@yunke/kernel';
import { valueAt, type ProfileHistory, type Steps } from './history.js';
import { ALWAYS, NEVER, add, type Intervals } from './intervals.js';

/**
 * One condition over a history, as data. Windows are half-open, (now - W, now]: what happened at t is
 * inside from t on and outside from t + W on. Orders are those that count at that instant. `lastOrderAgo`: fromMs <= age < untilMs.
 */
export type Leaf =
  | { leaf: 'everyone' }
  | { leaf: 'hasOrdered' }
  | { leaf: 'ordersAtLeast'; count: number; withinMs?: Millis }
  | { leaf: 'netRevenueAtLeast'; minor: number; currency: string; withinMs?: Millis }
  | { leaf: 'firstOrderWithin'; withinMs: Millis }
  | { leaf: 'lastOrderWithin'; withinMs: Millis }
  | { leaf: 'lastOrderAgo'; fromMs: Millis; untilMs?: Millis };

const NOTHING: Steps = { at: [], value: [] };

/** The leaf in one canonical line, such as `orders.count(30d) >= 5`: two leaves that mean the same have the same text. */
export function textOf(leaf: Leaf): string {
  switch (leaf.leaf) {
    case 'everyone': return 'everyone';
    case 'hasOrdered': return 'orders.count >= 1';
    case 'ordersAtLeast': return `orders.count${leaf.withinMs === undefined ? '' : `(${duration(leaf.withinMs)})`} >= ${leaf.count}`;
    case 'netRevenueAtLeast': return `revenue.net(${leaf.currency}${leaf.withinMs === undefined ? '' : `, ${duration(leaf.withinMs)}`}) >= ${leaf.minor}`;
    case 'firstOrderWithin': return ageText('first_order', 0, leaf.withinMs);
    case 'lastOrderWithin': return ageText('last_order', 0, leaf.withinMs);
    case 'lastOrderAgo': return ageText('last_order', leaf.fromMs, leaf.untilMs ?? Infinity);
  }
}

/** When the leaf is true of a history, the future included, as if nothing else happened. */
export function intervalsOf(leaf: Leaf, history: ProfileHistory): Intervals {
  switch (leaf.leaf) {
    case 'everyone': return ALWAYS;
    case 'hasOrdered': return reaching(history.counted, 1);
    case 'ordersAtLeast':
      return leaf.withinMs === undefined ? reaching(history.counted, leaf.count) : countReaching(history, leaf.count, leaf.withinMs);
    case 'netRevenueAtLeast': {
      const net = history.net.get(leaf.currency) ?? NOTHING;
      return leaf.withinMs === undefined ? reaching(net, leaf.minor) : sumReaching(net, leaf.minor, leaf.withinMs);
    }
    case 'firstOrderWithin': return aged(history.first, 0, leaf.withinMs);
    case 'lastOrderWithin': return aged(history.last, 0, leaf.withinMs);
    case 'lastOrderAgo': return aged(history.last, leaf.fromMs, leaf.untilMs ?? Infinity);
  }
}

/** The value that the leaf sees at an instant: a count, minor units, or the RFC 3339 time of an order (`none` without one). */
export function valueSeen(leaf: Leaf, history: ProfileHistory, at: Millis): string {
  switch (leaf.leaf) {
    case 'everyone': return 'yes';
    case 'hasOrdered': return String(valueAt(history.counted, at));
    case 'ordersAtLeast': return String(leaf.withinMs === undefined ? valueAt(history.counted, at) : countWithin(history, at, leaf.withinMs));
    case 'netRevenueAtLeast': {
      const net = history.net.get(leaf.currency) ?? NOTHING;
      return String(valueAt(net, at) - (leaf.withinMs === undefined ? 0 : valueAt(net, at - leaf.withinMs)));
    }
    case 'firstOrderWithin': return timeOf(valueAt(history.first, at, NaN));
    default: return timeOf(valueAt(history.last, at, NaN));
  }
}

/** A duration as text: `90d`, or milliseconds when it is not whole days. */
export const duration = (ms: Millis): string => (ms % DAY === 0 ? `${ms / DAY}d` : `${ms}ms`);

const timeOf = (at: Millis): string => (Number.isNaN(at) ? 'none' : iso(at));

const ageText = (order: string, from: Millis, until: Millis): string =>
  `${from > 0 || until === Infinity ? `${duration(from)} <= ` : ''}${order}.age${until < Infinity ? ` < ${duration(until)}` : ''}`;

/** When a function of time, 0 before its first step, is at least `least`. */
function reaching({ at, value }: Steps, least: number): Intervals {
  let open = 0 >= least;
  const out: Millis[] = open ? [-Infinity] : [];
  for (let k = 0; k < at.length; k++) {
    if (value[k]! >= least === open) continue;
    open = !open;
    out.push(at[k]!);
  }
  if (open) out.push(Infinity);
  return out;
}

/**
 * When the sum of a window's amounts is at least `least`: the total so far less the total as it stood a window ago. Refunds make it
 * fall and their expiry makes it rise again, so it is tested after each entry and each expiry.
 */
function sumReaching({ at, value }: Steps, least: number, within: Millis): Intervals {
  let open = 0 >= least;
  const out: Millis[] = open ? [-Infinity] : [];
  let entered = 0, left = 0;
  while (left < at.length) {
    const expiry = at[left]! + within;
    const now = entered < at.length && at[entered]! < expiry ? at[entered]! : expiry;
    if (entered < at.length && at[entered] === now) entered++;
    if (expiry === now) left++; // both before the test: what enters and what leaves in one millisecond is one change
    const sum = (entered === 0 ? 0 : value[entered - 1]!) - (left === 0 ? 0 : value[left - 1]!);
    if (sum >= least === open) continue;
    open = !open;
    out.push(now);
  }
  if (open) out.push(Infinity);
  return out;
}

/** When at least `least` orders of the window count: each does in [placed, the earlier of voided and placed + window). */
function countReaching({ placed, voided }: ProfileHistory, least: number, within: Millis): Intervals {
  if (least <= 0) return ALWAYS;
  const ends = placed.map((at, k) => Math.min(at + within, voided[k]!)).sort((a, b) => a - b);
  const out: Millis[] = [];
  let begun = 0, ended = 0;
  while (ended < ends.length) {
    const now = begun < placed.length && placed[begun]! < ends[ended]! ? placed[begun]! : ends[ended]!;
    while (begun < placed.length && placed[begun] === now) begun++;
    while (ended < ends.length && ends[ended] === now) ended++;
    if (begun - ended >= least !== (out.length % 2 === 1)) out.push(now);
  }
  return out;
}

function countWithin({ placed, voided }: ProfileHistory, at: Millis, within: Millis): number {
  let count = 0;
  for (let k = 0; k < placed.length; k++) if (placed[k]! <= at && at < placed[k]! + within && at < voided[k]!) count++;
  return count;
}

/** When the order that a step names is `from` to `until` old. */
function aged({ at, value }: Steps, from: Millis, until: Millis): Intervals {
  if (at.length === 0) return NEVER;
  const out: Millis[] = [];
  for (let k = 0; k < at.length; k++) {
    if (Number.isNaN(value[k]!)) continue; // no order counts
    const entersAt = value[k]! + from, leavesAt = value[k]! + until;
    const next = k + 1 < at.length ? at[k + 1]! : Infinity;
    add(out, entersAt > at[k]! ? entersAt : at[k]!, leavesAt < next ? leavesAt : next);
  }
  return out;
}
