import type { CartObserved, OrderObserved, ReturnObserved, ShipmentObserved } from '@yunke/contracts';
import { LARGEST_MINOR } from '@yunke/kernel';

import type { Observation } from './item.js';
import { subjectOf } from './native.js';
import { scoped } from './observation.js';
import { stamped, stampedWithPerson, type Call } from './segment-call.js';
import { amountIn, currencyIn, linesIn, onlyLineOf, wholeIn } from './segment-lines.js';
import { LONGEST_ID, idIn, note, required, textIn, valueIn, type Part } from './segment-part.js';
import { foreseenIn, happenedIn } from './segment-times.js';

type Read = (call: Call) => Observation;
type OrderTime = 'placedAt' | 'reviewedAt' | 'paidAt' | 'allocatedAt' | 'pickedAt' | 'packedAt' | 'shippedAt' | 'deliveredAt' | 'cancelledAt';
/** A milestone, and the property that may date it; otherwise it is as old as the event. */
type Milestones<Time extends string> = Readonly<Partial<Record<Time, string>>>;

/** What lies in a cart. A page may say it as well as a server. */
export const CART_EVENTS: ReadonlyMap<string, Read> = new Map([
  ['Product Added', cart('added')], ['Product Removed', cart('removed')], ['Cart Viewed', cart('viewed')], ['Checkout Started', cart('checkout_started')],
]);

/**
 * Segment's e-commerce vocabulary (v2), and the fulfilment that it lacks. Only a server is believed.
 * Completed means that the purchase was: placed and paid.
 */
export const ORDER_EVENTS: ReadonlyMap<string, Read> = new Map([
  ['Order Placed', wholeOrder({ placedAt: 'placed_at' })],
  ['Order Paid', wholeOrder({ paidAt: 'paid_at' })],
  ['Order Completed', wholeOrder({ placedAt: 'placed_at', paidAt: 'paid_at' })],
  ['Order Updated', wholeOrder({})],
  ['Order Cancelled', wholeOrder({ cancelledAt: 'cancelled_at' })],
  ['Order Confirmed', step({ reviewedAt: 'confirmed_at' })],
  ['Order Allocated', step({ allocatedAt: 'allocated_at' })],
  ['Order Picked', step({ pickedAt: 'picked_at' })],
  ['Order Packed', step({ packedAt: 'packed_at' })],
  ['Order Shipped', parcelOr(step({ shippedAt: 'shipped_at' }), { shippedAt: 'shipped_at' })],
  ['Order Delivered', parcelOr(step({ deliveredAt: 'delivered_at' }), { deliveredAt: 'delivered_at' })],
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
    const lines = valueIn(content, 'products') === undefined && action !== 'viewed' && action !== 'checkout_started' ? [onlyLineOf(content, currency)] : linesIn(content, 'products', { currency, priced: false });
    // Segment does not require a cart_id, and Checkout Started has none: then it is the one cart that the person has.
    return { type: 'CartObserved', body: { ...stampedWithPerson(call), cartId: idIn(content, 'cart_id') ?? 'current', action, currency, lines } };
  };
}

/** An order as it stands, with its lines and amounts. */
function wholeOrder(milestones: Milestones<OrderTime>): Read {
  return (call) => {
    const { content } = call;
    const currency = currencyIn(content);
    const lines = linesIn(content, 'products', { currency, priced: true });
    const [shipping, tax, discount] = ['shipping', 'tax', 'discount'].map((name) => amountIn(content, name, currency));
    const total = totalIn(content, currency, (shipping ?? 0) + (tax ?? 0));
    const hasAmounts = lines.length > 0 || [shipping, tax, discount, total].some((amount) => amount !== undefined);
    return {
      type: 'OrderObserved',
      body: {
        ...orderOf(call, milestones), lines, totalMinor: text(total), shippingMinor: text(shipping), taxMinor: text(tax), discountMinor: text(discount),
        // An update that names no amount must not turn an order in CNY into one in USD.
        currency: hasAmounts || valueIn(content, 'currency') !== undefined ? currency : undefined,
      },
    };
  };
}

/** A step of fulfilment. Its products are those of one parcel, without prices: as lines they would overwrite the order's. */
function step(milestones: Milestones<OrderTime>): Read {
  return (call) => ({ type: 'OrderObserved', body: { ...orderOf(call, milestones), lines: [] } });
}

function orderOf(call: Call, milestones: Milestones<OrderTime>): Omit<OrderObserved, 'acceptedAt' | 'lines'> {
  const { content, context } = call;
  const orderId = orderIdIn(call);
  const email = textIn(content, 'email', LONGEST_ID) ?? contactIn(context, 'email');
  const phone = textIn(content, 'phone', LONGEST_ID) ?? contactIn(context, 'phone');
  return {
    ...stamped(call), subject: subjectOf({ subject: call.subject, orderId, email, phone }, call.door), identifiers: call.identifiers,
    orderId, email, phone, country: textIn(content, 'country'), promisedAt: foreseenIn(content, 'promised_at'), ...timesOf(call, milestones, call.occurredAt),
  };
}

function timesOf<Time extends string>({ content, door }: Call, milestones: Milestones<Time>, otherwise: string): { [T in Time]?: string } {
  const times: { [T in Time]?: string } = {};
  for (const time in milestones) times[time] = happenedIn(content, milestones[time]!, door) ?? otherwise;
  return times;
}
