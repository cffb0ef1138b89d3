import type { Condition } from './condition.js';
import type { Rule } from './rule.js';

const DAY_MINUTES = 24 * 60;

const customer = (id: string, fact: string, condition?: Condition): Rule => ({ id, version: 1, fact, ...(condition && { condition }), channel: 'email', audience: 'customer', class: 'transactional', template: id, expiresAfterMinutes: DAY_MINUTES, priority: 100, active: true });

/** The segment that stands for a VIP among the segments that ship. */
const VIP = { field: 'segment', is: 'value.high' };

/** A refund in another currency is not among what went back of the order, and the fact does not tell its amount: there is nothing true to write. */
const WENT_BACK = { field: 'order.refundedMinor', atLeast: 1 };

/** The rules that ship. One whose fact this version does not know yet is left out by whoever saves them. */
export const SHIPPED_RULES: readonly Rule[] = [
  customer('order-placed', 'OrderPlaced'),
  customer('order-shipped', 'OrderShipped'),
  customer('order-delivered', 'OrderDelivered'),
  customer('order-late', 'OrderLate'),
  customer('order-refunded', 'OrderRefunded', WENT_BACK),
  { id: 'segment-entered', version: 1, fact: 'SegmentEntered', condition: VIP, channel: 'email', audience: 'customer', class: 'marketing', template: 'segment-entered', expiresAfterMinutes: 3 * DAY_MINUTES, priority: 10, active: true },
  { id: 'segment-entered-webhook', version: 1, fact: 'SegmentEntered', condition: VIP, channel: 'webhook', audience: 'endpoints', class: 'marketing', expiresAfterMinutes: 4 * DAY_MINUTES, priority: 10, active: true },
  { id: 'segment-left', version: 1, fact: 'SegmentLeft', condition: { field: 'segment', is: 'activity.active' }, channel: 'email', audience: 'customer', class: 'marketing', template: 'segment-left', expiresAfterMinutes: 3 * DAY_MINUTES, priority: 10, active: false },
  { id: 'stock-alert', version: 1, fact: 'StockAlertOpened', channel: 'email', audience: 'staff', class: 'staff', template: 'stock-alert', expiresAfterMinutes: DAY_MINUTES, priority: 50, active: true },
];
