import type { Sent } from './journal.js';

export type Observation = Record<string, unknown>;
export type Message = { readonly sent: Sent; readonly observation: Observation };

/** What version n of an order brings: each its own milestone, so that each must show in the order and makes one fact. */
export const MILESTONES = ['placed', 'paid', 'shipped', 'delivered'] as const;

const OPEN_ORDERS = 12;
const CUSTOMERS = 150;

export type LaneOptions = { readonly section: string; readonly index: number; /** Its customers are the section's own, have an address, and agree to marketing. */ readonly reachable: boolean };

type Order = { readonly id: string; readonly customer: number; next: number };

/**
 * One client with orders of its own, seen placed, paid, shipped, delivered; some with a refund, and some refunds of no order. Units
 * come in for some of what is ordered. It sends a batch when the one before was accepted, so the versions of an order are accepted in order.
 */
export class Lane {
  readonly #open: Order[] = [];
  readonly #known = new Set<number>();
  readonly #name: string;
  #orders = 0;

  constructor(private readonly options: LaneOptions) {
    this.#name = `${options.section}-${options.index}`;
  }

  batch(size: number): Message[] {
    const messages: Message[] = [];
    while (messages.length < size) messages.push(...this.#step());
    return messages;
  }

  #step(): Message[] {
    if (this.#open.length < OPEN_ORDERS) this.#open.push({ id: `${this.#name}-${(this.#orders += 1)}`, customer: (this.#orders * 31 + this.options.index * 7) % CUSTOMERS, next: 1 });
    const order = this.#open.splice((this.#orders * 5) % this.#open.length, 1)[0]!;
    const messages = [...this.#introduced(order), this.#observed(order)];
    const serial = Number(order.id.split('-').at(-1));
    if (order.next === 1 && serial % 3 === 0) messages.push(received(order.id, { sku: this.#sku(order), quantity: 2 }));
    if (order.next === 2 && serial % 10 === 0) messages.push(this.#refunded(order, true));
    if (order.next === 3 && serial % 10 === 5) messages.push(this.#refunded(order, false));
    if (order.next === 1 && serial % 4 === 0) messages.push(this.#observed({ ...order, next: (order.next += 1) })); // two of a key in one batch
    order.next += 1;
    if (order.next <= MILESTONES.length) this.#open.push(order);
    return messages;
  }

  #subject({ customer }: Order): string {
    return this.options.reachable ? `${this.options.section}-c${customer}` : `c${customer}`;
  }

  /** The same goods for every lane, so that they compete for them. */
  #sku({ customer }: Order): string {
    return `${this.options.section}-tea-${customer % 7}`;
  }

  /** The customer, before the first order. */
  #introduced(order: Order): Message[] {
    if (!this.options.reachable || this.#known.has(order.customer)) return [];
    this.#known.add(order.customer);
    const messageId = `${this.#name}-c${order.customer}`;
    const subject = this.#subject(order);
    return [{
      sent: { messageId, kind: 'customer', key: messageId, n: 1 },
      observation: { type: 'CustomerObserved', messageId, occurredAt: now(), subject: `account:${subject}`, email: `${subject}@load.example`, marketingConsent: true },
    }];
  }

  #observed(order: Order): Message {
    const { id, customer, next: n } = order;
    const messageId = `${id}-v${n}`;
    const at = now();
    const units = { sku: this.#sku(order), quantity: 1 + (customer % 3) };
    const unitPrice = id.endsWith('-1') ? '5000.00' : '25.00'; // the first order makes a VIP
    return {
      sent: { messageId, kind: 'order', key: `shop:${id}`, n, ...(n === 1 && { units }) },
      observation: {
        type: 'OrderObserved', messageId, occurredAt: at, orderId: id, version: n, subject: `account:${this.#subject(order)}`, currency: 'CNY', [`${MILESTONES[n - 1]}At`]: at,
        ...(n === 1 && { lines: [{ lineId: '1', ...units, unitPrice }] }),
      },
    };
  }

  #refunded(order: Order, ofOrder: boolean): Message {
    const messageId = `${order.id}-r`;
    const at = now();
    const orderId = ofOrder ? { orderId: `shop:${order.id}` } : {};
    return {
      sent: { messageId, kind: 'return', key: `shop:${messageId}`, n: 1, ...orderId },
      observation: { type: 'ReturnObserved', messageId, occurredAt: at, returnId: messageId, subject: `account:${this.#subject(order)}`, currency: 'CNY', refundMinor: 100, refundedAt: at, ...orderId },
    };
  }
}

const now = (): string => new Date().toISOString();

function received(orderId: string, units: { readonly sku: string; readonly quantity: number }): Message {
  const messageId = `${orderId}-s`;
  return {
    sent: { messageId, kind: 'stock', key: messageId, n: 1, units },
    observation: { type: 'StockObserved', messageId, movementId: messageId, occurredAt: now(), warehouse: 'main', kind: 'receipt', ...units },
  };
}
