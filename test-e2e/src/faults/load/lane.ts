import type { Sent } from './journal.js';

export type Observation = Record<string, unknown>;
export type Message = { readonly sent: Sent; readonly observation: Observation };

/** What version n of an order brings: each its own milestone, so that each must show in the order and makes one fact. */
export const MILESTONES = ['placed', 'paid', 'shipped', 'delivered'] as const;

const OPEN_ORDERS = 12;
const CUSTOMERS = 150;

/**
 * One client with orders of its own, seen placed, paid, shipped, delivered; some with a refund, and some refunds of no order.
 * It sends a batch when the one before was accepted, so the versions of an order are accepted in order.
 */
export class Lane {
  readonly #open: { id: string; customer: number; next: number }[] = [];
  #orders = 0;

  constructor(private readonly name: string, private readonly seed: number) {}

  batch(size: number): Message[] {
    const messages: Message[] = [];
    while (messages.length < size) messages.push(...this.#step());
    return messages;
  }

  #step(): Message[] {
    if (this.#open.length < OPEN_ORDERS) this.#open.push({ id: `${this.name}-${(this.#orders += 1)}`, customer: (this.#orders * 31 + this.seed * 7) % CUSTOMERS, next: 1 });
    const order = this.#open.splice((this.#orders * 5) % this.#open.length, 1)[0]!;
    const messages = [observed(order.id, order.customer, order.next)];
    const serial = Number(order.id.split('-').at(-1));
    if (order.next === 2 && serial % 10 === 0) messages.push(refunded(order.id, order.customer, true));
    if (order.next === 3 && serial % 10 === 5) messages.push(refunded(order.id, order.customer, false));
    if (order.next === 1 && serial % 4 === 0) messages.push(observed(order.id, order.customer, (order.next += 1))); // two of a key in one batch
    order.next += 1;
    if (order.next <= MILESTONES.length) this.#open.push(order);
    return messages;
  }
}

function observed(id: string, customer: number, n: number): Message {
  const now = new Date().toISOString();
  const messageId = `${id}-v${n}`;
  return {
    sent: { messageId, kind: 'order', key: `shop:${id}`, n },
    observation: {
      type: 'OrderObserved', messageId, occurredAt: now, orderId: id, version: n, subject: `account:c${customer}`, currency: 'CNY', [`${MILESTONES[n - 1]}At`]: now,
      ...(n === 1 && { lines: [{ lineId: '1', sku: `tea-${customer % 7}`, quantity: 1 + (customer % 3), unitPrice: '25.00' }] }),
    },
  };
}

function refunded(id: string, customer: number, ofOrder: boolean): Message {
  const now = new Date().toISOString();
  const messageId = `${id}-r`;
  const orderId = ofOrder ? { orderId: `shop:${id}` } : {};
  return {
    sent: { messageId, kind: 'return', key: `shop:${messageId}`, n: 1, ...orderId },
    observation: { type: 'ReturnObserved', messageId, occurredAt: now, returnId: messageId, subject: `account:c${customer}`, currency: 'CNY', refundMinor: 100, refundedAt: now, ...orderId },
  };
}
