import type { Fact, OrderState } from '@yunke/contracts';
import { iso, reasonOf, type Millis } from '@yunke/kernel';

import { MILESTONES, reached, stateOf, type Milestone, type Order } from './order.js';

/** What made an order change: an observation, with its times. */
export type Because = { readonly id: string; readonly history: boolean; readonly occurredAt: Millis; readonly acceptedAt: Millis };

const FACTS = { placed: 'OrderPlaced', reviewed: 'OrderReviewed', paid: 'OrderPaid', allocated: 'OrderAllocated', picked: 'OrderPicked', packed: 'OrderPacked', shipped: 'OrderShipped',
  inTransit: 'OrderInTransit', outForDelivery: 'OrderOutForDelivery', delivered: 'OrderDelivered', completed: 'OrderCompleted', cancelled: 'OrderCancelled' } as const satisfies Record<Milestone, string>;

type OrderFactType = (typeof FACTS)[Milestone] | 'OrderReturned' | 'OrderRefunded' | 'OrderAmended';

/**
 * The facts that tell `before` from `after`: a milestone reached, goods or money gone back, else an amendment; none when
 * nothing visible changed. Each carries the order as it is after all of them, and the next seq.
 */
export function changes(before: Order, after: Order, because: Because): { state: Order; facts: Fact[] } {
  const [was, is] = [stateOf(before), stateOf(after)];
  const found: { type: OrderFactType; effectiveAt: Millis }[] = [...newMilestones(before, after), ...newReturns(before, after), ...newRefunds(was, is)];
  if (found.length === 0 && (!sameState(was, is) || !sameTimes(before, after))) found.push({ type: 'OrderAmended', effectiveAt: because.occurredAt });
  const facts = found.map(({ type, effectiveAt }, index): Fact => ({
    type,
    body: { orderId: after.id, seq: String(after.seq + index + 1), effectiveAt: iso(effectiveAt), acceptedAt: iso(because.acceptedAt), reason: reasonOf(because, effectiveAt), cause: because.id, order: is },
  }));
  return { state: { ...after, seq: after.seq + facts.length }, facts };
}

function newMilestones(before: Order, after: Order): { type: OrderFactType; effectiveAt: Millis }[] {
  const [was, is] = [reached(before), reached(after)];
  return MILESTONES.flatMap((milestone) => (is[milestone] !== undefined && was[milestone] === undefined ? [{ type: FACTS[milestone], effectiveAt: is[milestone] }] : []));
}

function newReturns(before: Order, after: Order): { type: OrderFactType; effectiveAt: Millis }[] {
  return Object.entries(after.returns).flatMap(([id, { receivedAt }]) => (receivedAt !== undefined && before.returns[id]?.receivedAt === undefined ? [{ type: 'OrderReturned' as const, effectiveAt: receivedAt }] : []));
}

function newRefunds(was: OrderState, is: OrderState): { type: OrderFactType; effectiveAt: Millis }[] {
  const known = new Map(was.refunds.map(({ returnId, amountMinor }) => [returnId, amountMinor]));
  return is.refunds.flatMap(({ returnId, amountMinor, at }) => (known.get(returnId) === amountMinor ? [] : [{ type: 'OrderRefunded' as const, effectiveAt: Date.parse(at) }]));
}

const sameState = (a: OrderState, b: OrderState): boolean => JSON.stringify(a) === JSON.stringify(b);
const sameTimes = (a: Order, b: Order): boolean => JSON.stringify(reached(a)) === JSON.stringify(reached(b)) && JSON.stringify(visibleLines(a)) === JSON.stringify(visibleLines(b));
const visibleLines = (order: Order): unknown => Object.entries(order.lines).map(([id, [line]]) => [id, line]).sort();
