import type { CustomerObserved, OrderObserved, ReturnObserved } from '@yunke/contracts';
import { iso } from '@yunke/kernel';

export const NOON = Date.parse('2026-03-01T12:00:00.000Z');

let serial = 0;

/** An order observation as ingestion says it: one paid line of 10.00 by shop's account `ada`, unless told otherwise. */
export function anOrderObserved(say: Partial<OrderObserved> = {}): OrderObserved {
  const at = say.occurredAt ?? iso(NOON);
  return {
    source: 'shop', subject: 'shop:account:ada', messageId: `m${(serial += 1)}`, occurredAt: at, acceptedAt: at, history: false, verified: true, identifiers: [],
    orderId: 'shop:A1', currency: 'CNY', lines: [{ lineId: '1', sku: 'tea', quantity: '1', unitPrice: '10.00', totalMinor: '1000' }], placedAt: at, ...say,
  };
}

/** Money that went back: 4.00 of shop's order A1, unless told otherwise. */
export function aReturnObserved(say: Partial<ReturnObserved> = {}): ReturnObserved {
  const at = say.occurredAt ?? iso(NOON);
  return {
    source: 'shop', subject: 'shop:account:ada', messageId: `m${(serial += 1)}`, occurredAt: at, acceptedAt: at, history: false, verified: true, identifiers: [],
    returnId: 'shop:R1', currency: 'CNY', refundMinor: '400', lines: [], refundedAt: at, ...say,
  };
}

/** Shop's account `ada` with nothing known about it, unless told otherwise. */
export function aCustomerObserved(say: Partial<CustomerObserved> = {}): CustomerObserved {
  const at = say.occurredAt ?? iso(NOON);
  return { source: 'shop', subject: 'shop:account:ada', messageId: `m${(serial += 1)}`, occurredAt: at, acceptedAt: at, history: false, verified: true, identifiers: [], ...say };
}
