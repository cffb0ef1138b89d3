import { validate, type Messages } from '@yunke/contracts';
import fc from 'fast-check';

import type { Door, Item } from './item.js';
import { NOON, inTopic, wrongWith } from './segment.fixture.js';
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

const maybe = <T>(usual: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(usual, { nil: undefined });

const id = fc.oneof(fc.stringMatching(/^[A-Za-z0-9._:-]{1,40}$/), fc.constantFrom('1', 'shop:1', 'a'.repeat(100), '__proto__'));
const text = fc.oneof(fc.string({ minLength: 1 }), fc.string({ unit: 'grapheme', minLength: 1 }), fc.constantFrom('云客', 'x'.repeat(200)));
const instant = fc.date({ min: new Date(NOON - 300 * 86_400_000), max: new Date(NOON), noInvalidDate: true });
const time = fc.oneof(instant.map((at) => at.toISOString()), instant.map((at) => at.toISOString().replace(/\.\d{3}Z/, '+08:00')));
const decimal = fc.oneof(fc.integer({ min: 0, max: 100_000 }).map((cents) => cents / 100), fc.integer({ min: 0, max: 999_999 }).map((mills) => (mills / 1_000).toFixed(3)), fc.constantFrom(0, -0, 1e-7, 4e10));
const whole = fc.oneof(fc.nat(20), fc.nat(20).map(String), fc.constantFrom('007'));
const product = fc.record({ product_id: maybe(text), sku: id, line_id: maybe(id), name: maybe(text), category: maybe(text), price: decimal, quantity: maybe(whole) });

const properties = fc.record({
  order_id: id, total: maybe(decimal), revenue: maybe(decimal), subtotal: maybe(decimal), shipping: maybe(decimal), tax: maybe(decimal), discount: maybe(decimal), currency: maybe(fc.constantFrom('USD', 'JPY', 'KWD', 'cny')),
  products: fc.array(product, { minLength: 1, maxLength: 4 }), email: maybe(text), phone: maybe(text), country: maybe(text), cart_id: maybe(id), shipment_id: id, carrier: maybe(text), tracking_no: maybe(text),
  carrier_status: fc.constantFrom('shipped', 'In Transit', 'delivered'), return_id: id, refund_id: maybe(id), movement_id: maybe(id), warehouse: text, on_hand: whole, sku: id, price: maybe(decimal),
  promised_at: maybe(time), delivered_at: maybe(time), confirmed_at: maybe(time), occurred_at: maybe(time), refunded_at: maybe(time),
});
const traits = fc.record({
  name: maybe(text), firstName: maybe(text), email: maybe(text), phone: maybe(text), birthday: maybe(text), marketingConsent: maybe(fc.boolean()), language: maybe(text), plan: fc.jsonValue({ maxDepth: 4 }),
  address: maybe(fc.oneof(text, fc.record({ street: maybe(text), city: maybe(text), country: maybe(text), trap: fc.jsonValue({ maxDepth: 2 }) }))),
});
const externalId = fc.record({ id: text, type: fc.constantFrom('unionid', 'omid'), collection: fc.constantFrom('users', 'accounts'), encoding: fc.constant('none') });
const context = fc.record({
  traits: maybe(traits), locale: maybe(text), timezone: maybe(text), device: maybe(fc.record({ id: maybe(text), advertisingId: maybe(text), type: maybe(fc.constantFrom('ios', 'Android')) })),
  externalIds: maybe(fc.array(externalId, { maxLength: 3 })), consent: maybe(fc.record({ categoryPreferences: fc.dictionary(fc.constantFrom('marketing', 'Analytics'), fc.boolean()) })),
});

/** As it comes off the wire: without what is undefined, and with own fields that are called like a trap. */
const wired = (value: unknown): unknown => JSON.parse((JSON.stringify(value) ?? 'null').replaceAll('"trap"', '"__proto__"')) as unknown;

const plausible = fc.record({
  type: fc.constantFrom(...SEGMENT_TYPES, 'track', 'track', 'track', 'track'), messageId: id, userId: id, anonymousId: maybe(id), previousId: id, groupId: id, event: fc.constantFrom(...EVENTS), name: maybe(text),
  timestamp: maybe(time), properties, traits: maybe(traits), context: maybe(context),
}).map(wired);

const strange = fc.oneof(fc.jsonValue({ maxDepth: 3 }), fc.double(), decimal, time, fc.constantFrom<unknown>(null, '', -1, 1.5, Infinity, '1e400', 2 ** 53 + 2, '9007199254740993', 'NaN', '-0.5', '1970-01-01T00:00:00.000Z', '9999-12-31T23:59:59.999Z',
  '1900-01-01T00:00:00.000Z', '2026-02-30T00:00:00.000Z', 'x'.repeat(201), 'x'.repeat(5_000), 'x'.repeat(33_000), '../..', 'a b', 'EURO', { constructor: { prototype: 1 } }, [[]], [null]));

/** A plausible call in which one or two things, anywhere, are something else or are gone; now and then no call at all. */
const hostile = fc.oneof({ weight: 20, arbitrary: fc.tuple(plausible, fc.array(fc.tuple(fc.nat(), fc.option(strange, { nil: undefined })), { minLength: 1, maxLength: 2 })).map(([call, changes]) => wired(changes.reduce(changed, withMore(call)))) },
  { weight: 1, arbitrary: fc.jsonValue() });

/** What a plausible call may leave out, so that it can be changed as well. */
const withMore = (call: unknown): unknown => ({ sentAt: '2026-05-20T12:00:00.000Z', originalTimestamp: '2026-05-20T11:00:00.000Z', ...(call as object) });

function changed(call: unknown, [which, value]: [number, unknown]): unknown {
  const places: [Record<string, unknown>, string][] = [];
  const copy = structuredClone(call);
  const walk = (holder: unknown): void => {
    if (typeof holder !== 'object' || holder === null) return;
    for (const name of Object.keys(holder)) {
      places.push([holder as Record<string, unknown>, name]);
      walk((holder as Record<string, unknown>)[name]);
    }
  };
  walk(copy);
  const [holder, name] = places[which % places.length] ?? [{}, ''];
  holder[name] = value;
  return copy;
}

const door = fc.record<Door>({ source: fc.constantFrom('shop', 'taobao-main', 's'.repeat(40)), kind: fc.constantFrom('server', 'server', 'browser'), history: fc.boolean(), receivedAt: fc.constant(NOON) });

/** What is wrong with an item as the contract sees it. */
function breaches(item: Item, at: Door): unknown[] {
  if ('faults' in item) return item.faults.length > 0 && item.faults.every(({ pointer, code, message }) => /^(\/|$)/.test(pointer) && /^[a-z_]+$/.test(code) && message) ? [] : [item.faults];
  return inTopic(item.observations, at).flatMap(({ type, body: said }) => {
    const body: Record<string, unknown> = { ...said, acceptedAt: new Date(NOON).toISOString() };
    const missing = Object.entries(FIELDS[type]!).filter(([name, kind]) => typeOf(body[name]) !== kind);
    const untimely = Object.entries(body).filter(([name, value]) => name.endsWith('At') && !/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/.test(value as string));
    return [...validate(type satisfies keyof Messages, body), ...missing, ...untimely];
  });
}

describe('whatever a source sends', () => {
  it('is accepted when it is right, and keeps the contract', () =>
    fc.assert(fc.property(plausible, door, (said, at) => {
      const item = readSegment(said, at);

      expect(wrongWith(item)).toEqual([]);
      expect(breaches(item, at)).toEqual([]);
    }), { numRuns: 1_000 }));

  it('becomes observations that keep the contract, or faults with their place; it never throws', () =>
    fc.assert(fc.property(hostile, door, (said, at) => expect(breaches(readSegment(said, at), at)).toEqual([])), { numRuns: 3_000 }));

  it('becomes so in a batch as well, one item a call', () =>
    fc.assert(fc.property(fc.array(hostile, { maxLength: 5 }), fc.oneof(context, strange), fc.oneof(time, strange), door, (batch, shared, sentAt, at) => {
      const items = readSegmentBatch(wired({ batch, context: shared, sentAt }), at, 'batch');

      expect(items).toHaveLength(batch.length);
      expect(items.flatMap((item) => breaches(item, at))).toEqual([]);
    }), { numRuns: 500 }));

  it('says the same when it is read again', () =>
    fc.assert(fc.property(hostile, door, (said, at) => {
      fc.pre(at.kind === 'server');
      const [once, again] = [readSegment(said, at), readSegment(structuredClone(said), at)];
      expect({ ...once, raw: once.raw() }).toEqual({ ...again, raw: again.raw() });
    }), { numRuns: 500 }));

  it('leaves no kind of observation out of these laws', () => {
    const seen = new Map<string, number>();
    for (const [said, at] of [...fc.sample(fc.tuple(plausible, door), 2_000), ...fc.sample(fc.tuple(hostile, door), 500)]) {
      const item = readSegment(said, at);
      for (const type of 'faults' in item ? ['refused'] : item.observations.map((one) => one.type)) seen.set(type, (seen.get(type) ?? 0) + 1);
    }
    expect([...seen.keys()].sort()).toEqual([...Object.keys(FIELDS), 'refused'].sort());
    expect(Math.min(...seen.values())).toBeGreaterThan(10);
  });

  it('is as large as its JSON text', () =>
    fc.assert(fc.property(fc.jsonValue({ maxDepth: 8 }), fc.nat(200), (value, more) => {
      const bytes = Buffer.byteLength(JSON.stringify(value));

      expect(isLargerThan(bytes, value)).toBe(false);
      expect(isLargerThan(bytes + more, value)).toBe(false);
      expect(isLargerThan(bytes - 1 - more, value)).toBe(true);
    })));
});
