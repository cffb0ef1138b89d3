import type { CartObserved, OrderObserved } from '@yunke/contracts';

import type { Observation } from './item.js';
import { subjectOf } from './native.js';
import { scoped } from './observation.js';
import { stamped, stampedWithPerson, type Call } from './segment-call.js';
import { amountIn, currencyIn, linesIn, onlyLineOf, sumOf, wholeIn } from './segment-lines.js';
import { LONGEST_ID, idIn, note, required, scopedIdIn, textIn, valueIn, type Part } from './segment-part.js';
import { goodsBack, refund } from './segment-return.js';
import { dated, foreseenIn, type DatedBy } from './segment-times.js';

type Read = (call: Call) => Observation;
type OrderTime = 'placedAt' | 'reviewedAt' | 'paidAt' | 'allocatedAt' | 'pickedAt' | 'packedAt' | 'shippedAt' | 'deliveredAt' | 'cancelledAt';
type ParcelTime = 'shippedAt' | 'inTransitAt' | 'outForDeliveryAt' | 'deliveredAt';

/** What lies in a cart. A page may say it as well as a server. */
export const CART_EVENTS: ReadonlyMap<string, Read> = new Map([
  ['Product Added', cart('added')],
  ['Product Removed', cart('removed')],
  ['Cart Viewed', cart('viewed')],
  ['Checkout Started', cart('checkout_started')],
]);

/**
 * The orders of Segment's e-commerce vocabulary (v2), and the fulfilment and the stock that it lacks. Only a server is believed.
 * `Order Completed` means that the purchase was: placed and paid.
 */
export const ORDER_EVENTS: ReadonlyMap<string, Read> = new Map([
  ['Order Placed', order({ placedAt: 'placed_at' })],
  ['Order Paid', order({ paidAt: 'paid_at' })],
  ['Order Completed', order({ placedAt: 'placed_at', paidAt: 'paid_at' })],
  ['Order Updated', order({})],
  ['Order Cancelled', order({ cancelledAt: 'cancelled_at' })],
  ['Order Confirmed', step({ reviewedAt: 'confirmed_at' })],
  ['Order Allocated', step({ allocatedAt: 'allocated_at' })],
  ['Order Picked', step({ pickedAt: 'picked_at' })],
  ['Order Packed', step({ packedAt: 'packed_at' })],
  ['Order Shipped', parcelOrOrder({ shippedAt: 'shipped_at' })],
  ['Order Delivered', parcelOrOrder({ deliveredAt: 'delivered_at' })],
  ['Shipment Updated', carrierWord],
  ['Return Requested', goodsBack({ requestedAt: 'requested_at' })],
  ['Return Received', goodsBack({ receivedAt: 'received_at' })],
  ['Order Refunded', refund],
  ['Stock Level Changed', stockCount],
]);

function cart(action: CartObserved['action']): Read {
  return (call) => {
    const { content } = call;
    const currency = currencyIn(content);
    const isOneProduct = (action === 'added' || action === 'removed') && valueIn(content, 'products') === undefined;
    const lines = isOneProduct ? [onlyLineOf(content, currency)] : linesIn(content, 'products', { currency, priced: false });
    // Checkout Started has no cart_id, and others may lack it: then it is the one cart that the person has.
    return { type: 'CartObserved', body: { ...stampedWithPerson(call), cartId: idIn(content, 'cart_id') ?? 'current', action, currency, lines } };
  };
}

type Amounts = Pick<OrderObserved, 'currency' | 'totalMinor' | 'shippingMinor' | 'taxMinor' | 'discountMinor' | 'lines'>;

/** An order as it stands, with its lines and amounts. */
function order(milestones: DatedBy<OrderTime>): Read {
  return (call) => orderOf(call, milestones, amountsIn(call.content));
}

/** A step of fulfilment. Its products are those of one parcel, without prices: as lines they would overwrite the order's. */
function step(milestones: DatedBy<OrderTime>): Read {
  return (call) => orderOf(call, milestones, { lines: [] });
}

function amountsIn(properties: Part): Amounts {
  const currency = currencyIn(properties);
  const shipping = amountIn(properties, 'shipping', currency);
  const tax = amountIn(properties, 'tax', currency);
  const discount = amountIn(properties, 'discount', currency);
  const total = totalOf(properties, currency, (shipping ?? 0) + (tax ?? 0));
  const lines = linesIn(properties, 'products', { currency, priced: true });
  // An update that names no amount must not turn an order in CNY into one in USD.
  const isSaid = valueIn(properties, 'currency') !== undefined || lines.length > 0 || (total ?? shipping ?? tax ?? discount) !== undefined;
  return { currency: isSaid ? currency : undefined, totalMinor: total?.toString(), shippingMinor: shipping?.toString(), taxMinor: tax?.toString(), discountMinor: discount?.toString(), lines };
}

/** What the customer pays: the total, else the revenue, which Segment counts after the discount and before shipping and tax. */
function totalOf(properties: Part, currency: string, shippingAndTax: number): number | undefined {
  const total = amountIn(properties, 'total', currency);
  if (total !== undefined) return total;
  const name = valueIn(properties, 'revenue') === undefined ? 'subtotal' : 'revenue';
  const revenue = amountIn(properties, name, currency);
  return revenue === undefined ? undefined : sumOf(properties, name, [revenue, shippingAndTax]);
}

/**
 * The order's person is its account or visitor, else its own contact; it may be nobody's. One literal, no spreads: this is
 * the busiest object of the door, and so it costs a third.
 */
function orderOf(call: Call, milestones: DatedBy<OrderTime>, { currency, totalMinor, shippingMinor, taxMinor, discountMinor, lines }: Amounts): Observation {
  const { content, known, door, messageId, occurredAt, identifiers } = call;
  const orderId = required(content, 'order_id', scopedIdIn(door.source));
  const email = textIn(content, 'email', LONGEST_ID) ?? textIn(known, 'email', LONGEST_ID);
  const phone = textIn(content, 'phone', LONGEST_ID) ?? textIn(known, 'phone', LONGEST_ID);
  const at = (time: OrderTime): string | undefined => dated(call, milestones[time]);
  return {
    type: 'OrderObserved',
    body: {
      source: door.source, subject: subjectOf({ subject: call.subject, orderId, email, phone }, door), messageId, occurredAt, identifiers,
      orderId, currency, totalMinor, shippingMinor, taxMinor, discountMinor, lines,
      placedAt: at('placedAt'), reviewedAt: at('reviewedAt'), paidAt: at('paidAt'), allocatedAt: at('allocatedAt'), pickedAt: at('pickedAt'), packedAt: at('packedAt'),
      shippedAt: at('shippedAt'), deliveredAt: at('deliveredAt'), cancelledAt: at('cancelledAt'), promisedAt: foreseenIn(content, 'promised_at'),
      email, phone, country: textIn(content, 'country'),
    },
  };
}

/** A word about one parcel where the event names it, since an order may leave in several; else about the order. */
function parcelOrOrder(milestones: DatedBy<'shippedAt' | 'deliveredAt'>): Read {
  const ofOrder = step(milestones);
  return (call) => (valueIn(call.content, 'shipment_id') === undefined ? ofOrder(call) : parcel(call, milestones));
}

const CARRIER_STATUS: ReadonlyMap<string, ParcelTime> = new Map([['shipped', 'shippedAt'], ['in_transit', 'inTransitAt'], ['out_for_delivery', 'outForDeliveryAt'], ['delivered', 'deliveredAt']]);

/** What the carrier calls a status that we do not know waits in quarantine: a guess would tell the customer something wrong. */
function carrierWord(call: Call): Observation {
  const { content } = call;
  const isPromise = valueIn(content, 'carrier_status') === undefined && valueIn(content, 'promised_at') !== undefined;
  if (isPromise) return parcel(call, {});
  const status = required(content, 'carrier_status', textIn).toLowerCase().replace(/[\s-]+/g, '_');
  const milestone = CARRIER_STATUS.get(status);
  if (milestone) return parcel(call, { [milestone]: 'occurred_at' });
  note(content, 'carrier_status', 'validation_failed', `It must be one of: ${[...CARRIER_STATUS.keys()].join(', ')}.`);
  return parcel(call, {});
}

function parcel(call: Call, milestones: DatedBy<ParcelTime>): Observation {
  const { content, door } = call;
  const orderId = required(content, 'order_id', scopedIdIn(door.source));
  const shipmentId = required(content, 'shipment_id', idIn);
  const at = (time: ParcelTime): string | undefined => dated(call, milestones[time]);
  return {
    type: 'ShipmentObserved',
    body: {
      ...stamped(call), occurredAt: dated(call, 'occurred_at'), orderId, shipmentId, carrier: textIn(content, 'carrier'), trackingNumber: textIn(content, 'tracking_no'),
      shippedAt: at('shippedAt'), inTransitAt: at('inTransitAt'), outForDeliveryAt: at('outForDeliveryAt'), deliveredAt: at('deliveredAt'), promisedAt: foreseenIn(content, 'promised_at'),
    },
  };
}

/** How much of a SKU lies in a warehouse now. It may be less than nothing, where a shop sold what it does not have. */
function stockCount(call: Call): Observation {
  const { content, door, messageId } = call;
  const quantity = required(content, 'on_hand', (part, name) => wholeIn(part, name)?.toString());
  return {
    type: 'StockObserved',
    body: {
      ...stamped(call), occurredAt: dated(call, 'occurred_at'), kind: 'count', quantity,
      sku: required(content, 'sku', (part, name) => textIn(part, name, LONGEST_ID)), warehouse: required(content, 'warehouse', (part, name) => textIn(part, name, LONGEST_ID)),
      movementId: scopedIdIn(door.source)(content, 'movement_id') ?? scoped(messageId, door.source), reason: textIn(content, 'reason'),
    },
  };
}
