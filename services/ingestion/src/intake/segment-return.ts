import { hash } from 'node:crypto';

import type { ReturnObserved } from '@yunke/contracts';

import type { Observation, Trust } from './item.js';
import { subjectOf } from './native.js';
import { scoped } from './observation.js';
import { stamped, type Call } from './segment-call.js';
import { amountIn, currencyIn, linesIn, sumOf } from './segment-lines.js';
import { idIn, note, required, scopedIdIn, textIn, valueIn } from './segment-part.js';
import { dated, type DatedBy } from './segment-times.js';

/** Goods on their way back, with or without an order to point at. */
export function goodsBack(milestones: DatedBy<'requestedAt' | 'receivedAt'>): (call: Call) => Observation {
  return (call) => {
    const { content, door } = call;
    const returnId = required(content, 'return_id', scopedIdIn(door.source));
    const currency = currencyIn(content);
    const refundMinor = amountIn(content, 'total', currency)?.toString();
    const lines = linesIn(content, listOf(call), { currency, priced: false });
    return { type: 'ReturnObserved', body: { ...returnOf(call), returnId, currency, refundMinor, lines, requestedAt: dated(call, milestones.requestedAt), receivedAt: dated(call, milestones.receivedAt) } };
  };
}

/**
 * Money that went back. Each refund of an order is a return of its own, named by its `refund_id` or by the message.
 * How much it was must be known: the total, or the price of each product.
 */
export function refund(call: Call): Observation {
  const { content, door } = call;
  const orderId = required(content, 'order_id', idIn);
  const returnId = scoped(bounded(`${orderId}:${idIn(content, 'refund_id') ?? call.messageId}`), door.source);
  const currency = currencyIn(content);
  const list = listOf(call);
  const isTotalled = valueIn(content, 'total') !== undefined;
  const lines = linesIn(content, list, { currency, priced: !isTotalled });
  if (!isTotalled && lines.length === 0) note(content, 'total', 'validation_failed', 'A refund needs its total, or the products that went back.');
  const refunded = isTotalled ? amountIn(content, 'total', currency) : sumOf(content, list, lines.map(({ totalMinor }) => Number(totalMinor)));
  return { type: 'ReturnObserved', body: { ...returnOf(call), returnId, currency, refundMinor: String(refunded ?? 0), lines, refundedAt: dated(call, 'refunded_at') } };
}

/** An order id and a message id may each be as long as an id can be; both together are one only when they are short enough. */
const bounded = (id: string): string => (id.length <= 100 ? id : hash('sha256', id, 'hex').slice(0, 32));

/** The e-commerce vocabulary calls them products, warehouses say lines. */
const listOf = ({ content }: Call): 'products' | 'lines' => (valueIn(content, 'products') === undefined ? 'lines' : 'products');

/** Whoever the order belongs to: without an account or a visitor its contact, as the order itself says it. */
function returnOf(call: Call): Omit<ReturnObserved, 'acceptedAt' | keyof Trust | 'returnId' | 'currency' | 'lines'> {
  const { content, known, door } = call;
  const orderId = scopedIdIn(door.source)(content, 'order_id');
  const email = textIn(content, 'email') ?? textIn(known, 'email');
  const phone = textIn(content, 'phone') ?? textIn(known, 'phone');
  return { ...stamped(call), subject: subjectOf({ subject: call.subject, orderId, email, phone }, door), identifiers: call.identifiers, orderId };
}
