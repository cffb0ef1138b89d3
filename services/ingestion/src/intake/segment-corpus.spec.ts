import { readSegment } from './segment.js';
import { aCall, aTrack, anIdentify, browser, faultsOf, server, wrongWith, type Said } from './segment.fixture.js';

const order = (said: Said): Said => aTrack('Order Completed', { order_id: '1', products: [{ sku: 'A', price: 1 }], ...said });
const line = (said: Said): Said => order({ products: [{ sku: 'A', price: 1, ...said }] });
const nested = (levels: number): unknown => JSON.parse('['.repeat(levels) + ']'.repeat(levels)) as unknown;

/** What no source can mean, and what it is told: everything at once, each with its place. */
const corpus: [what: string, call: unknown, ...faults: string[]][] = [
  ['no object', 'track', 'validation_failed '],
  ['nothing', null, 'validation_failed '],
  ['a list', [aTrack('Tea Drunk')], 'validation_failed '],
  ['no type', aCall({ event: 'Tea Drunk' }), 'validation_failed /type'],
  ['a type of nobody\'s', aCall({ type: 'constructor' }), 'validation_failed /type'],

  ['an id of 101 characters', aTrack('Tea Drunk', {}, { messageId: 'm'.repeat(101) }), 'id_invalid /messageId'],
  ['an id with a path in it', aTrack('Tea Drunk', {}, { messageId: '../../etc' }), 'id_invalid /messageId'],
  ['an id that is a number', aTrack('Tea Drunk', {}, { messageId: 7 }), 'validation_failed /messageId'],
  ['an account that is a number', aTrack('Tea Drunk', {}, { userId: 88123 }), 'validation_failed /userId'],
  ['an account with a blank', aTrack('Tea Drunk', {}, { userId: 'ada king' }), 'id_invalid /userId'],
  ['an account in look-alikes', aTrack('Tea Drunk', {}, { userId: 'аda' }), 'id_invalid /userId'],
  ['a visitor that is a list', aTrack('Tea Drunk', {}, { userId: undefined, anonymousId: ['5f1c'] }), 'validation_failed /anonymousId'],
  ['nobody', aTrack('Tea Drunk', {}, { userId: undefined }), 'validation_failed /userId'],
  ['nobody, as empty text', aTrack('Tea Drunk', {}, { userId: '', anonymousId: '' }), 'validation_failed /userId'],
  ['an alias of nothing', aCall({ type: 'alias' }), 'validation_failed /previousId'],
  ['an alias for nobody', aCall({ type: 'alias', userId: undefined, previousId: '5f1c' }), 'validation_failed /userId'],
  ['a group without an id', aCall({ type: 'group' }), 'validation_failed /groupId'],

  ['no event', aTrack(undefined), 'validation_failed /event'],
  ['an event that is a number', aTrack(5), 'validation_failed /event'],
  ['properties that are a list', aTrack('Tea Drunk', []), 'validation_failed /properties'],
  ['properties that are a text', aTrack('Tea Drunk', 'two cups'), 'validation_failed /properties'],
  ['traits that are a text', anIdentify('gold'), 'validation_failed /traits'],
  ['a context that is a text', aTrack('Tea Drunk', {}, { context: 'web' }), 'validation_failed /context'],
  ['a phone that is a number', anIdentify({ phone: 13_800_138_000 }), 'validation_failed /traits/phone'],
  ['an e-mail address that is a document', anIdentify({ email: 'a'.repeat(201) }), 'validation_failed /traits/email'],
  ['a consent that is a text', anIdentify({ marketingConsent: 'yes' }), 'validation_failed /traits/marketingConsent'],
  ['a category that is a text', anIdentify({}, { context: { consent: { categoryPreferences: { marketing: 'yes' } } } }), 'validation_failed /context/consent/categoryPreferences/marketing'],
  ['an address in parts that are none', anIdentify({ address: { city: 5 } }), 'validation_failed /traits/address/city'],
  ['half an external id', aTrack('Tea Drunk', {}, { context: { externalIds: [{ id: '1', type: 'omid' }] } }), 'validation_failed /context/externalIds/0/collection', 'validation_failed /context/externalIds/0/encoding'],
  ['an external id of a type with a blank', aTrack('Tea Drunk', {}, { context: { externalIds: [{ id: '1', type: 'o mid', collection: 'users', encoding: 'none' }] } }), 'id_invalid /context/externalIds/0/type'],
  ['a device that is a text', aTrack('Tea Drunk', {}, { context: { device: 'phone' } }), 'validation_failed /context/device'],

  ['a date that does not exist', aTrack('Tea Drunk', {}, { timestamp: '2026-02-30T00:00:00.000Z' }), 'timestamp_out_of_range /timestamp'],
  ['a time without a zone', aTrack('Tea Drunk', {}, { timestamp: '2026-05-20T11:00:00' }), 'timestamp_out_of_range /timestamp'],
  ['a leap second', aTrack('Tea Drunk', {}, { timestamp: '2026-05-20T11:59:60.000Z' }), 'timestamp_out_of_range /timestamp'],
  ['the year 275761', aTrack('Tea Drunk', {}, { timestamp: '+275761-01-01T00:00:00.000Z' }), 'timestamp_out_of_range /timestamp'],
  ['the year 0000', aTrack('Tea Drunk', {}, { timestamp: '0000-05-20T11:00:00.000Z' }), 'timestamp_out_of_range /timestamp'],
  ['a time that is a number', aTrack('Tea Drunk', {}, { timestamp: 1_716_206_400 }), 'validation_failed /timestamp'],
  ['25 hours from now', aTrack('Tea Drunk', {}, { timestamp: '2026-05-21T13:00:00.000Z' }), 'timestamp_out_of_range /timestamp'],
  ['an original time of 1970', aTrack('Tea Drunk', {}, { originalTimestamp: '1970-01-01T00:00:00.000Z' }), 'timestamp_out_of_range /originalTimestamp'],
  ['a sending time that is none', aTrack('Tea Drunk', {}, { sentAt: 'now' }), 'timestamp_out_of_range /sentAt'],
  ['a delivery that is none', aTrack('Order Delivered', { order_id: '1', delivered_at: 'this morning' }), 'timestamp_out_of_range /properties/delivered_at'],
  ['a promise that is none', aTrack('Order Updated', { order_id: '1', promised_at: 5 }), 'validation_failed /properties/promised_at'],

  ['an order without an id', aTrack('Order Completed', { total: 5 }), 'validation_failed /properties/order_id'],
  ['an order id that is a number', order({ order_id: 50_314 }), 'validation_failed /properties/order_id'],
  ['an order id with SQL in it', order({ order_id: '1\'; drop table orders; --' }), 'id_invalid /properties/order_id'],
  ['products that are an object', order({ products: {} }), 'validation_failed /properties/products'],
  ['a product that is a text', order({ products: ['A', { sku: 'B', price: 1 }] }), 'validation_failed /properties/products/0'],
  ['a product without a name', line({ sku: undefined }), 'validation_failed /properties/products/0/sku'],
  ['a SKU that is a number', line({ sku: 45_790 }), 'validation_failed /properties/products/0/sku'],
  ['a SKU of 201 characters', line({ sku: 'A'.repeat(201) }), 'validation_failed /properties/products/0/sku'],
  ['two long lines of one id', order({ products: [1, 2].map((price) => ({ sku: 'A'.repeat(200), price })) }), 'id_invalid /properties/products/1/line_id'],
  ['a line without a price', line({ price: undefined }), 'validation_failed /properties/products/0/price'],
  ['a price that is a word', line({ price: 'cheap' }), 'validation_failed /properties/products/0/price'],
  ['a price that is true', line({ price: true }), 'validation_failed /properties/products/0/price'],
  ['a price in an exponent', line({ price: '1e3' }), 'validation_failed /properties/products/0/price'],
  ['a price that is not a number', line({ price: NaN }), 'number_out_of_range /properties/products/0/price'],
  ['a price without end', line({ price: Infinity }), 'number_out_of_range /properties/products/0/price'],
  ['a price of 1e21', line({ price: 1e21 }), 'number_out_of_range /properties/products/0/price'],
  ['a price of 0.1 + 0.2', line({ price: 0.1 + 0.2 }), 'number_out_of_range /properties/products/0/price'],
  ['a price of 1e-11', line({ price: 1e-11 }), 'number_out_of_range /properties/products/0/price'],
  ['a price below nothing', line({ price: -1 }), 'amount_invalid /properties/products/0/price'],
  ['a price a little below nothing', line({ price: -1e-7 }), 'amount_invalid /properties/products/0/price'],
  ['a price below nothing, as text', line({ price: '-1.50' }), 'amount_invalid /properties/products/0/price'],
  ['half a piece', line({ quantity: 1.5 }), 'number_out_of_range /properties/products/0/quantity'],
  ['2^53 + 1 pieces', line({ quantity: '9007199254740993' }), 'number_out_of_range /properties/products/0/quantity'],
  ['some pieces', line({ quantity: 'some' }), 'validation_failed /properties/products/0/quantity'],
  ['less than no pieces', line({ quantity: -1 }), 'amount_invalid /properties/products/0/quantity'],
  ['more than a number can hold', line({ quantity: 9e15, price: 9 }), 'number_out_of_range /properties/products/0/price'],
  ['a total below nothing', order({ total: -5 }), 'amount_invalid /properties/total'],
  ['a total beyond the bounds', order({ total: '999999999999999' }), 'number_out_of_range /properties/total'],
  ['a sum beyond the bounds', order({ revenue: 9e13, shipping: 1 }), 'number_out_of_range /properties/revenue'],
  ['a discount that is a text', order({ discount: '10%' }), 'validation_failed /properties/discount'],
  ['a currency of four letters', order({ currency: 'EURO' }), 'amount_invalid /properties/currency'],
  ['a currency that is a number', order({ currency: 978 }), 'validation_failed /properties/currency'],
  ['a refund of an empty text', aTrack('Order Refunded', { order_id: '1', total: '' }), 'validation_failed /properties/total'],
  ['a refund below nothing', aTrack('Order Refunded', { order_id: '1', total: -5 }), 'amount_invalid /properties/total'],
  ['a parcel without an id', aTrack('Shipment Updated', { order_id: '1', carrier_status: 'delivered' }), 'validation_failed /properties/shipment_id'],
  ['a parcel without news', aTrack('Shipment Updated', { order_id: '1', shipment_id: 'S-1' }), 'validation_failed /properties/carrier_status'],
  ['a return without an id', aTrack('Return Requested', { order_id: '1' }), 'validation_failed /properties/return_id'],
  ['stock of nothing nowhere', aTrack('Stock Level Changed', {}), 'validation_failed /properties/on_hand', 'validation_failed /properties/sku', 'validation_failed /properties/warehouse'],
  ['stock in a warehouse whose name is no id', aTrack('Stock Level Changed', { sku: 'A', warehouse: 'm'.repeat(201), on_hand: 1 }), 'validation_failed /properties/warehouse'],
  ['stock without end', aTrack('Stock Level Changed', { sku: 'A', warehouse: 'main', on_hand: 1e16 }), 'number_out_of_range /properties/on_hand'],
  ['an added product that is none', aTrack('Product Added', { cart_id: 'C 1' }), 'validation_failed /properties/sku', 'id_invalid /properties/cart_id'],

  ['33 KB', aTrack('Tea Drunk', { note: 'x'.repeat(33 * 1024) }), 'event_too_large '],
  ['33 KB in Chinese', aTrack('Tea Drunk', { note: '云'.repeat(11 * 1024) }), 'event_too_large '],
  ['33 levels', aTrack('Tea Drunk', { note: nested(33) }), 'event_too_large '],
  ['10,000 levels', aTrack('Tea Drunk', { note: nested(10_000) }), 'event_too_large '],

  ['several things at once', order({ order_id: 5, currency: 'EURO', products: [{ sku: 'A', price: -1 }] }),
    'amount_invalid /properties/currency', 'amount_invalid /properties/products/0/price', 'validation_failed /properties/order_id'],
];

describe('a bad call', () => {
  it.each(corpus.map(([what, call, ...faults]) => ({ what, call, faults })))('of $what is refused with its place', ({ call, faults }) => {
    expect(faultsOf(call)).toEqual(faults);
  });

  it('never tells back what it holds', () => {
    for (const [, call] of corpus) {
      const item = readSegment(call, server);
      if ('faults' in item) for (const { message } of item.faults) expect(message).not.toMatch(/ada|drop table|EURO|138/);
    }
  });

  it('is told at most fifty of its faults', () => {
    expect(faultsOf(order({ products: Array.from({ length: 90 }, () => ({ sku: 'A' })) }))).toHaveLength(50);
  });

  it('of a page is no order: what is wrong with its amounts is its own affair', () => {
    expect(faultsOf(order({ total: -5, order_id: 5 }), browser)).toEqual([]);
  });
});

describe('a call at the limit', () => {
  it.each<[string, unknown]>([
    ['ids of 100 characters', aTrack('Tea Drunk', {}, { messageId: 'm'.repeat(100), userId: 'auth0|' + 'u'.repeat(94) })],
    ['31 KB in Chinese', aTrack('Tea Drunk', { note: '云'.repeat(10 * 1024) })],
    ['31 KB', aTrack('Tea Drunk', { note: 'x'.repeat(31 * 1024) })],
    ['a year ago', aTrack('Tea Drunk', {}, { timestamp: '2025-05-20T12:00:00.000Z' })],
    ['24 hours from now', aTrack('Tea Drunk', {}, { timestamp: '2026-05-21T12:00:00.000Z' })],
    ['nanoseconds', aTrack('Tea Drunk', {}, { timestamp: '2026-05-20T11:59:00.123456789Z' })],
    ['the 29th of February', aTrack('Tea Drunk', {}, { timestamp: '2024-02-29T00:00:00.000Z' })],
    ['9e15 minor units', order({ total: 9e13 })],
    ['a free line', line({ price: 0, quantity: 0 })],
    ['a price of ten decimals', line({ price: '0.0000000001' })],
    ['null for all that is not known', aTrack('Tea Drunk', null, { anonymousId: null, context: null, sentAt: null, originalTimestamp: null })],
    ['empty texts for all that is not known', order({ total: '', discount: '', currency: '', email: '', products: [{ sku: 'A', product_id: '', price: 1, quantity: '' }] })],
  ])('with %s is taken', (_, call) => {
    expect(wrongWith(readSegment(call, { ...server, history: JSON.stringify(call).includes('2024-02-29') }))).toEqual([]);
  });
});
