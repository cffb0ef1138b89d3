import type { Fact, OrderBackordered, OrderState } from '@yunke/contracts';
import { iso, reasonOf, type Millis } from '@yunke/kernel';

import { MILESTONES, refunds, unknownOrder, viewOf, type Milestone, type Order, type View } from './order.js';
import { toldInventory, withAsk } from './reservation.js';

/** What made an order change, with its times: an observation; or an answer or a timer, which know their reason themselves. */
export type Because = { readonly id: string; readonly history: boolean; readonly occurredAt: Millis; readonly acceptedAt: Millis; readonly reason?: 'event' | 'time' | 'late' | 'history' };

const FACTS = { placed: 'OrderPlaced', reviewed: 'OrderReviewed', paid: 'OrderPaid', allocated: 'OrderAllocated', picked: 'OrderPicked', packed: 'OrderPacked', shipped: 'OrderShipped',
  inTransit: 'OrderInTransit', outForDelivery: 'OrderOutForDelivery', delivered: 'OrderDelivered', completed: 'OrderCompleted', cancelled: 'OrderCancelled' } as const satisfies Record<Milestone, string>;

type Found = { type: (typeof FACTS)[Milestone] | 'OrderReturned' | 'OrderRefunded' | 'OrderAmended'; effectiveAt: Millis } | { type: 'OrderBackordered'; effectiveAt: Millis; because: OrderBackordered['because'] };

/**
 * The facts that tell `before` from `changed`: a milestone reached, goods or money gone back, goods that are not there, else an
 * amendment; none when nothing visible changed. Each carries the order as it is after all of them, and the next seq. What the order
 * means for stock now is said with them. An order that only its parcels or refunds name says nothing yet: whom it concerns nobody
 * knows. Its first observation says all of it.
 */
export function changes(before: Order, changed: Order, because: Because): { state: Order; facts: Fact[] } {
  if (!isTold(changed)) return { state: changed, facts: [] };
  const told = isTold(before) ? before : unknownOrder(before.id);
  const [was, is] = [viewOf(told), withAsk(viewOf(changed))];
  const after = is.order;
  const found: Found[] = [...newMilestones(was, is), ...newReturns(told, after), ...newRefunds(told, after), ...newBackorder(told, after)];
  if (found.length === 0 && (!sameState(was.state, is.state) || !sameTimes(was, is))) found.push({ type: 'OrderAmended', effectiveAt: because.occurredAt });
  const reasonAt = (effectiveAt: Millis) => because.reason ?? reasonOf(because, effectiveAt);
  const facts = found.map(({ effectiveAt, type, ...why }, index) => ({
    type,
    body: { orderId: after.id, seq: String(after.seq + index + 1), effectiveAt: iso(effectiveAt), acceptedAt: iso(because.acceptedAt), reason: reasonAt(effectiveAt), cause: because.id, order: is.state, ...why },
  }) as Fact);
  const stock = toldInventory(was, is, { cause: because.id, effectiveAt: because.occurredAt, acceptedAt: because.acceptedAt, reason: reasonAt(because.occurredAt) });
  return { state: { ...stock.order, seq: after.seq + facts.length }, facts: [...facts, ...stock.facts] };
}

/** Whether an observation of the order itself was heard. */
const isTold = ({ fields, lines }: Order): boolean => Object.keys(fields).length > 0 || Object.keys(lines).length > 0;

function newBackorder(before: Order, after: Order): Found[] {
  const [was, is] = [before.saga?.backordered, after.saga?.backordered];
  return is && (was?.at !== is.at || was.because !== is.because) ? [{ type: 'OrderBackordered', effectiveAt: is.at, because: is.because }] : [];
}

function newMilestones({ milestones: was }: View, { milestones: is }: View): Found[] {
  return MILESTONES.flatMap((milestone) => (is[milestone] !== undefined && was[milestone] === undefined ? [{ type: FACTS[milestone], effectiveAt: is[milestone] }] : []));
}

function newReturns(before: Order, after: Order): Found[] {
  return Object.entries(after.returns).flatMap(([id, { receivedAt }]) => (receivedAt !== undefined && before.returns[id]?.receivedAt === undefined ? [{ type: 'OrderReturned' as const, effectiveAt: receivedAt }] : []));
}

function newRefunds(before: Order, after: Order): Found[] {
  const known = new Map(allRefunds(before).map(({ returnId, amountMinor }) => [returnId, amountMinor]));
  return allRefunds(after).flatMap(({ returnId, amountMinor, at }): Found[] => (known.get(returnId) === amountMinor ? [] : [{ type: 'OrderRefunded', effectiveAt: at }]));
}

function allRefunds(order: Order): ReturnType<typeof refunds>['own'] {
  const { own, foreign } = refunds(order);
  return [...own, ...foreign];
}

const sameState = (a: OrderState, b: OrderState): boolean => JSON.stringify(a) === JSON.stringify(b);
const sameTimes = (a: View, b: View): boolean => JSON.stringify(a.milestones) === JSON.stringify(b.milestones) && JSON.stringify(visibleLines(a.order)) === JSON.stringify(visibleLines(b.order));
const visibleLines = (order: Order): unknown => Object.entries(order.lines).map(([id, [line]]) => [id, line]).sort();
