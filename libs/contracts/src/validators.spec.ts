import { Ajv } from 'ajv';
import { schemas, validate } from './index.js';

const line = (over = {}) => ({ lineId: '1', sku: 'TEA-100', quantity: '2', totalMinor: '510', ...over });
const order = (over = {}) => ({
  type: 'OrderObserved', messageId: 'm-1', occurredAt: '2026-03-01T09:30:00.000+08:00', orderId: 'pos-3:A1009', ...over,
});
const found = (value: unknown, type = 'OrderObserved') => validate(type, value).map(({ pointer, code }) => [pointer, code]);

describe('checking what a publisher sent', () => {
  it('accepts an order with nothing but what makes it an order', () => {
    expect(found(order())).toEqual([]);
  });

  it('accepts whole numbers as text and as numbers, up to 9e15 either way', () => {
    expect(found(order({ totalMinor: '9000000000000000', taxMinor: -9e15, lines: [line({ quantity: 2 })] }))).toEqual([]);
  });

  it('does not ask for what the door stamps, and asks for the rest', () => {
    expect(found({})).toEqual([
      ['/messageId', 'validation_failed'], ['/occurredAt', 'validation_failed'], ['/orderId', 'validation_failed'],
    ]);
  });

  it('refuses numbers that a computer would silently round', () => {
    const faults = found(order({
      version: 2 ** 53 + 1, totalMinor: '9007199254740993', taxMinor: '123456789012345678', shippingMinor: Infinity, discountMinor: 0.1 + 0.2,
    }));

    expect(faults.sort()).toEqual(
      ['/discountMinor', '/shippingMinor', '/taxMinor', '/totalMinor', '/version'].map((pointer) => [pointer, 'number_out_of_range']),
    );
  });

  it('refuses what is no number at all where a number stands', () => {
    for (const totalMinor of ['', 'NaN', '1.5', '1e3', ' 1', '0x10', true, null, [1], {}]) {
      expect(found(order({ totalMinor }))).toEqual([['/totalMinor', 'validation_failed']]);
    }
  });

  it('coerces nothing', () => {
    expect(found(order({ orderId: 1009, history: 'true', currency: ['EUR'], lines: '' }))).toHaveLength(4);
  });

  it('refuses days that do not exist', () => {
    expect(found(order({ placedAt: '2026-02-30T10:00:00Z' }))).toEqual([['/placedAt', 'timestamp_out_of_range']]);
  });

  it('points into the line that is wrong', () => {
    expect(found(order({ lines: [line(), line({ unitPrice: '2,55' })] }))).toEqual([['/lines/1/unitPrice', 'validation_failed']]);
  });

  it('refuses fields that it does not know, wherever they stand, and points to them by RFC 6901', () => {
    expect(found(order({ 'a/b~c': 1, role: 'admin', lines: [line({ price: 1 })] })).sort()).toEqual([
      ['/a~1b~0c', 'unknown_field'], ['/lines/0/price', 'unknown_field'], ['/role', 'unknown_field'],
    ]);
  });

  it('sees a field called __proto__ for what it is', () => {
    expect(found({ ...order(), ...JSON.parse('{"__proto__":{"role":"admin"}}') })).toEqual([['/__proto__', 'unknown_field']]);
  });

  it('lets a source name traits of its own', () => {
    expect(found({ messageId: 'm-2', occurredAt: '2026-03-01T09:30:00Z', attributes: { shoe: { size: 43 } } }, 'CustomerObserved')).toEqual([]);
  });

  it('holds closed sets closed and names what is possible', () => {
    const body = { messageId: 'm-3', occurredAt: '2026-03-01T09:30:00Z', cartId: 'c-1', action: 'stolen' };

    expect(validate('CartObserved', body)).toEqual([
      { pointer: '/action', code: 'validation_failed', message: 'It must be one of: viewed, added, removed, checkout_started, abandoned.' },
    ]);
  });

  it('bounds texts and lists, and lets an order have more lines than other lists have elements', () => {
    expect(found(order({ orderId: 'x'.repeat(201), country: 'x'.repeat(4097) })).sort()).toEqual([
      ['/country', 'validation_failed'], ['/orderId', 'validation_failed'],
    ]);
    expect(found(order({ lines: Array.from({ length: 5000 }, () => line()) }))).toEqual([]);
    const identifiers = Array.from({ length: 1001 }, () => ({ type: 'email', value: 'a@b.c' }));
    expect(found(order({ identifiers }))).toEqual([['/identifiers', 'validation_failed']]);
  });

  it('takes for an id whatever is part of a key: also the name of a warehouse', () => {
    const stock = (warehouse: string) => ({ messageId: 'm', occurredAt: '2026-03-01T12:00:00.000Z', kind: 'count', sku: 'tea', movementId: '1', quantity: 1, warehouse });

    expect(found(stock('w'.repeat(200)), 'StockObserved')).toEqual([]);
    expect(found(stock('w'.repeat(201)), 'StockObserved')).toEqual([['/warehouse', 'validation_failed']]);
  });

  it('refuses a body of one type that says it is another, and a type that does not exist', () => {
    expect(found(order({ type: 'StockObserved' }))).toEqual([['/type', 'validation_failed']]);
    expect(found(order(), 'OrderForgotten')).toEqual([['/type', 'validation_failed']]);
    expect(found(order(), 'constructor')).toEqual([['/type', 'validation_failed']]);
  });

  it('refuses what is no object', () => {
    for (const value of [null, undefined, [], 'order', 7]) expect(found(value)).toEqual([['', 'validation_failed']]);
  });

  it('never repeats what was sent', () => {
    const email = 'ada@example.com'.padEnd(5000, 'x');
    const faults = validate('OrderObserved', order({ email, occurredAt: 'secret', currency: { secret: 1 } }));

    expect(faults).toHaveLength(3);
    expect(JSON.stringify(faults)).not.toMatch(/ada@|secret/);
  });

  it('answers a thoroughly wrong body with a bounded list', () => {
    expect(found(order({ lines: Array.from({ length: 900 }, () => ({})) }))).toHaveLength(50);
  });

  it('does not change what it looks at', () => {
    const body = order({ totalMinor: 5, extra: 1 });
    validate('OrderObserved', body);
    expect(body).toEqual(order({ totalMinor: 5, extra: 1 }));
  });
});

describe('the published schemas', () => {
  it('are JSON Schemas, each with an address of its own', () => {
    const ajv = new Ajv();
    for (const [name, schema] of Object.entries(schemas)) {
      expect([name, ajv.validateSchema(schema), ajv.errors]).toEqual([name, true, null]);
      expect(schema.$id).toBe(`https://yunke.dev/schemas/${name}.v1.json`);
    }
  });

  it('mark what can tell who a person is', () => {
    expect(schemas.Identifier.properties).toMatchObject({ value: { 'x-personal': true } });
    expect(schemas.Identifier.properties).not.toMatchObject({ type: { 'x-personal': true } });
  });
});
