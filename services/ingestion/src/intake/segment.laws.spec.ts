import { validate, type Messages } from '@yunke/contracts';
import fc from 'fast-check';

import type { Door, Item } from './item.js';
import { inTopic, NOON } from './segment.fixture.js';
import { isLargerThan } from './segment-size.js';
import { SEGMENT_TYPES, readSegment, readSegmentBatch } from './segment.js';

const EVENTS = ['Order Placed', 'Order Paid', 'Order Completed', 'Order Updated', 'Order Cancelled', 'Order Confirmed', 'Order Allocated', 'Order Picked', 'Order Packed', 'Order Shipped', 'Order Delivered',
  'Shipment Updated', 'Return Requested', 'Return Received', 'Order Refunded', 'Stock Level Changed', 'Product Added', 'Product Removed', 'Cart Viewed', 'Checkout Started', 'Segment Consent Preference Updated', 'Tea Drunk', '__proto__', 'constructor'];

/** What each message must hold, of which type: written down here once more, so that the schemas are not the only judge. */
const stamps = { source: 'string', messageId: 'string', occurredAt: 'string', acceptedAt: 'string', history: 'boolean', verified: 'boolean' };
const person = { ...stamps, subject: 'string', identifiers: 'array' };
const FIELDS: Record<string, Record<string, string>> = {
  CustomerObserved: person, BehaviourObserved: { ...person, kind: 'string', name: 'string' }, CartObserved: { ...person, cartId: 'string', action: 'string', lines: 'array' },
  OrderObserved: { ...person, orderId: 'string', lines: 'array' }, ShipmentObserved: { ...stamps, orderId: 'string', shipmentId: 'string' },
  ReturnObserved: { ...person, returnId: 'string', currency: 'string', lines: 'array' }, StockObserved: { ...stamps, sku: 'string', warehouse: 'string', movementId: 'string', kind: 'string', quantity: 'string' },
};

const typeOf = (value: unknown): string => (Array.isArray(value) ? 'array' : typeof value);

/** Now and then something quite different from what should stand there. */
const mostly = <T>(usual: fc.Arbitrary<T>): fc.Arbitrary<unknown> => fc.oneof({ weight: 40, arbitrary: usual }, { weight: 1, arbitrary: fc.jsonValue({ maxDepth: 3 }) });
const maybe = (usual: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> => fc.option(mostly(usual), { nil: undefined });

const id = fc.oneof(fc.stringMatching(/^[A-Za-z0-9._:-]{1,100}$/), fc.constantFrom('1', 'shop:1', 'a'.repeat(100), '__proto__'));
const text = fc.oneof(fc.string(), fc.string({ unit: 'grapheme' }), fc.constantFrom('云客', 'x'.repeat(199), 'x'.repeat(200), 'x'.repeat(4_096)));
const time = fc.oneof(
  fc.date({ min: new Date(NOON - 370 * 86_400_000), max: new Date(NOON + 2 * 86_400_000), noInvalidDate: true }).map((date) => date.toISOString()),
  fc.constantFrom('1900-01-01T00:00:00.000Z', '9999-12-31T23:59:59.999Z', '2026-05-20T12:00:00+08:00', '2026-02-30T00:00:00.000Z'));
const decimal = fc.oneof(fc.integer({ min: 0, max: 100_000 }).map((cents) => cents / 100), fc.integer({ min: 0, max: 999_999 }).map((cents) => (cents / 1_000).toFixed(3)), fc.double(), fc.constantFrom(0, -0, 1e-7, 9e13, '9e15', '-1'));
const whole = fc.oneof(fc.nat(20), fc.nat(20).map(String), fc.constantFrom(9e15, -1, '007'));
const product = fc.record({ product_id: maybe(text), sku: maybe(id), line_id: maybe(id), name: maybe(text), category: maybe(text), price: maybe(decimal), quantity: maybe(whole) }, { requiredKeys: [] });
const products = fc.array(mostly(product), { maxLength: 4 });

const properties = fc.record({
  order_id: mostly(id), total: maybe(decimal), revenue: maybe(decimal), subtotal: maybe(decimal), shipping: maybe(decimal), tax: maybe(decimal), discount: maybe(decimal),
  currency: maybe(fc.constantFrom('USD', 'JPY', 'KWD', 'cny')), products: maybe(products), lines: maybe(products), email: maybe(text), phone: maybe(text), country: maybe(text), cart_id: maybe(id), shipment_id: maybe(id),
  carrier: maybe(text), tracking_no: maybe(text), carrier_status: maybe(fc.constantFrom('shipped', 'In Transit', 'delivered', 'lost')), return_id: maybe(id), refund_id: maybe(id), movement_id: maybe(id),
  warehouse: mostly(text), on_hand: mostly(whole), sku: maybe(id), price: maybe(decimal), promised_at: maybe(time), delivered_at: maybe(time), confirmed_at: maybe(time), occurred_at: maybe(time), refunded_at: maybe(time),
}, { requiredKeys: ['order_id'] });
const traits = fc.record({
  name: maybe(text), firstName: maybe(text), email: maybe(text), phone: maybe(text), birthday: maybe(text), marketingConsent: maybe(fc.boolean()), language: maybe(text), plan: fc.jsonValue(),
  address: maybe(fc.oneof(text, fc.record({ street: maybe(text), city: maybe(text), country: maybe(text), floor: fc.jsonValue() }, { requiredKeys: [] }))),
}, { requiredKeys: [] });
const context = fc.record({
  traits: maybe(traits), locale: maybe(text), timezone: maybe(text), device: maybe(fc.record({ id: maybe(text), advertisingId: maybe(text), type: maybe(fc.constantFrom('ios', 'Android')) }, { requiredKeys: [] })),
  externalIds: maybe(fc.array(fc.record({ id: mostly(text), type: mostly(fc.constantFrom('unionid', 'a b')), collection: mostly(fc.constantFrom('users', 'accounts')), encoding: mostly(fc.constant('none')) }), { maxLength: 3 })),
  consent: maybe(fc.record({ categoryPreferences: maybe(fc.dictionary(fc.constantFrom('marketing', 'Analytics'), mostly(fc.boolean()))) })),
}, { requiredKeys: [] });

const call = fc.record({
  type: mostly(fc.constantFrom(...SEGMENT_TYPES, 'track', 'track', 'track')), messageId: mostly(id), userId: maybe(id), anonymousId: maybe(id), previousId: maybe(id), groupId: maybe(id),
  event: mostly(fc.constantFrom(...EVENTS)), name: maybe(text), timestamp: maybe(time), sentAt: maybe(time), originalTimestamp: maybe(time), properties: maybe(properties), traits: maybe(traits), context: maybe(context),
}, { requiredKeys: ['type', 'messageId'] });

/** As it comes off the wire: without what is undefined, and with own fields that are called like traps. */
const wired = fc.oneof({ weight: 9, arbitrary: call }, { weight: 1, arbitrary: fc.jsonValue() }).map((value) => JSON.parse(JSON.stringify(value).replaceAll('"floor"', '"__proto__"')) as unknown);
const door = fc.record<Door>({ source: fc.constantFrom('shop', 'taobao-main', 's'.repeat(40)), kind: fc.constantFrom('server', 'server', 'browser'), history: fc.boolean(), receivedAt: fc.constant(NOON) });

/** What is wrong with an item as the contract sees it. */
function breaches(item: Item): unknown[] {
  if ('faults' in item) return item.faults.length > 0 && item.faults.every(({ pointer, code, message }) => /^(\/|$)/.test(pointer) && /^[a-z_]+$/.test(code) && message) ? [] : [item.faults];
  return inTopic(item.observations).flatMap(({ type, body: said }) => {
    const body: Record<string, unknown> = { ...said, acceptedAt: new Date(NOON).toISOString() };
    const missing = Object.entries(FIELDS[type]!).filter(([name, kind]) => typeOf(body[name]) !== kind);
    const untimely = Object.entries(body).filter(([name, value]) => name.endsWith('At') && !/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/.test(value as string));
    return [...validate(type satisfies keyof Messages, body), ...missing, ...untimely];
  });
}

describe('whatever a source sends', () => {
  it('becomes observations that keep the contract, or faults with their place; it never throws', () =>
    fc.assert(fc.property(wired, door, (said, at) => expect(breaches(readSegment(said, at))).toEqual([])), { numRuns: 4_000 }));

  it('becomes so in a batch as well, one item a call', () =>
    fc.assert(fc.property(fc.array(wired, { maxLength: 5 }), maybe(context), maybe(time), door, (batch, shared, sentAt, at) => {
      const items = readSegmentBatch(JSON.parse(JSON.stringify({ batch, context: shared, sentAt })), at, 'batch');

      expect(items).toHaveLength(batch.length);
      expect(items.flatMap(breaches)).toEqual([]);
    }), { numRuns: 500 }));

  it('says the same when it is read again', () =>
    fc.assert(fc.property(wired, door, (said, at) => {
      fc.pre(at.kind === 'server');
      expect(readSegment(said, at)).toEqual(readSegment(structuredClone(said), at));
    }), { numRuns: 500 }));

  it('is often enough right for these laws to mean something', () => {
    const seen = new Map<string, number>();
    for (const said of fc.sample(fc.tuple(wired, door), 4_000)) {
      const item = readSegment(...said);
      for (const type of 'faults' in item ? ['refused'] : item.observations.map((one) => one.type)) seen.set(type, (seen.get(type) ?? 0) + 1);
    }
    expect([...seen.keys()].sort()).toEqual([...Object.keys(FIELDS), 'refused'].sort());
    expect(Math.min(...seen.values())).toBeGreaterThan(5);
  });

  it('is as large as its JSON text', () =>
    fc.assert(fc.property(fc.jsonValue({ maxDepth: 8 }), fc.nat(200), (value, more) => {
      const bytes = Buffer.byteLength(JSON.stringify(value));

      expect(isLargerThan(bytes, value)).toBe(false);
      expect(isLargerThan(bytes + more, value)).toBe(false);
      expect(isLargerThan(bytes - 1 - more, value)).toBe(true);
    })));
});
