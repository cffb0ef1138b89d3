import { aTrack, browser, faultsOf, observed, server, theOne, type Said } from './segment.fixture.js';

const monopoly = { product_id: 'p-1', sku: '45790-32', name: 'Monopoly', category: 'Games', price: 19, quantity: 1 };
const uno = { product_id: 'p-2', sku: '46493-32', name: 'Uno', category: 'Games', price: '3.005', quantity: 2 };
const anOrder = (said: Said = {}): Said => ({ order_id: '50314', total: 27.5, revenue: 25, shipping: 3, tax: 2, discount: 2.5, currency: 'USD', products: [monopoly, uno], ...said });
const at = '2026-05-20T11:59:00.000Z';

describe('an order', () => {
  it('that is completed was placed and paid, and stands as it is said', () => {
    expect(theOne(aTrack('Order Completed', anOrder()))).toEqual({
      type: 'OrderObserved', source: 'shop', subject: 'shop:account:88123', messageId: 'm-1', occurredAt: at, history: false, verified: true, identifiers: [],
      orderId: 'shop:50314', currency: 'USD', totalMinor: '2750', shippingMinor: '300', taxMinor: '200', discountMinor: '250', placedAt: at, paidAt: at,
      lines: [
        { lineId: '45790-32', sku: '45790-32', name: 'Monopoly', category: 'Games', quantity: '1', unitPrice: '19', totalMinor: '1900' },
        { lineId: '46493-32', sku: '46493-32', name: 'Uno', category: 'Games', quantity: '2', unitPrice: '3.005', totalMinor: '601' },
      ],
    });
  });

  it('is behaviour when a page says it: anyone can read the key of a page', () => {
    for (const event of ['Order Completed', 'Order Refunded', 'Stock Level Changed', 'Order Shipped', 'Return Received']) {
      expect(theOne(aTrack(event, anOrder()), browser)).toMatchObject({ type: 'BehaviourObserved', kind: 'track', name: event, properties: { order_id: '50314' }, verified: false });
    }
  });

  it.each<[string, Said]>([
    ['Order Placed', { placedAt: at }], ['Order Paid', { paidAt: at }], ['Order Updated', {}], ['Order Cancelled', { cancelledAt: at }], ['Order Confirmed', { reviewedAt: at }],
    ['Order Allocated', { allocatedAt: at }], ['Order Picked', { pickedAt: at }], ['Order Packed', { packedAt: at }], ['Order Shipped', { shippedAt: at }], ['Order Delivered', { deliveredAt: at }],
  ])('reaches its milestone by %s, and no other', (event, milestones) => {
    const times = Object.fromEntries(Object.entries(theOne(aTrack(event, { order_id: '50314' }))).filter(([name]) => name.endsWith('At') && name !== 'occurredAt'));

    expect(times).toEqual(milestones);
  });

  it('reached its milestone when the event says so, by the source\'s own clock', () => {
    expect(theOne(aTrack('Order Confirmed', { order_id: '1', confirmed_at: '2026-05-20T09:00:00+02:00' }, { sentAt: '2026-05-20T11:00:00.000Z' }))).toMatchObject({ reviewedAt: '2026-05-20T07:00:00.000Z' });
    expect(faultsOf(aTrack('Order Confirmed', { order_id: '1', confirmed_at: '2019-05-20T09:00:00Z' }))).toEqual(['timestamp_out_of_range /properties/confirmed_at']);
  });

  it('may be promised for a day far ahead', () => {
    expect(theOne(aTrack('Order Shipped', { order_id: '1', promised_at: '2027-12-24T00:00:00Z' }))).toMatchObject({ promisedAt: '2027-12-24T00:00:00.000Z' });
  });

  it('keeps the lines that it was placed with when a parcel of it is packed', () => {
    const { lines, currency } = theOne(aTrack('Order Packed', { order_id: '1', lines: [{ sku: 'A', quantity: 1 }], products: [monopoly] }));

    expect({ lines, currency }).toEqual({ lines: [] });
  });

  it('stays in its currency when an update names no amount', () => {
    expect(theOne(aTrack('Order Updated', { order_id: '1' }))['currency']).toBeUndefined();
    expect(theOne(aTrack('Order Updated', { order_id: '1', total: 5 }))).toMatchObject({ currency: 'USD', totalMinor: '500' });
  });

  it.each<[string, Said, string | undefined]>([
    ['its total', { total: 27.5, revenue: 25, shipping: 3, tax: 2 }, '2750'],
    ['its revenue with shipping and tax', { revenue: 25, shipping: 3, tax: 2 }, '3000'],
    ['its subtotal with shipping and tax', { subtotal: '22.50', shipping: 3 }, '2550'],
    ['what its lines come to, when it says nothing', { shipping: 3 }, undefined],
    ['whole yen', { total: 1500, currency: 'JPY' }, '1500'],
    ['thousandths of a dinar', { total: '1.2345', currency: 'kwd' }, '1234'],
    ['the exact text of a number', { total: 0.1 }, '10'],
    ['hardly anything', { total: 1.5e-7 }, '0'],
    ['nothing', { total: 0 }, '0'],
  ])('costs %s', (_, amounts, totalMinor) => {
    expect(theOne(aTrack('Order Updated', { order_id: '1', ...amounts }))['totalMinor']).toBe(totalMinor);
  });

  it('belongs to the contact that it names, when it names no account and no visitor', () => {
    const nobody = { userId: undefined, anonymousId: undefined };

    expect(theOne(aTrack('Order Completed', { ...anOrder(), email: 'ada@example.com' }, nobody))).toMatchObject({
      subject: 'shop:order-contact:50314', email: 'ada@example.com', identifiers: [{ type: 'email', value: 'ada@example.com' }],
    });
    expect(theOne(aTrack('Order Completed', anOrder(), { ...nobody, context: { traits: { phone: '+8613800138000' } } }))).toMatchObject({ subject: 'shop:order-contact:50314', phone: '+8613800138000' });
    expect(theOne(aTrack('Order Completed', anOrder(), nobody))).toMatchObject({ subject: '', identifiers: [] });
  });

  it('is the same order whether or not the source puts its own name in front', () => {
    expect(theOne(aTrack('Order Updated', { order_id: 'shop:50314' }))).toMatchObject({ orderId: 'shop:50314' });
  });

  it('has as many lines as products, also when one comes twice', () => {
    const lines = ['A', 'A', 'A:2', 'A'].map((sku) => ({ sku, price: 1 }));

    expect((theOne(aTrack('Order Updated', { order_id: '1', products: lines }))['lines'] as Said[]).map(({ lineId }) => lineId)).toEqual(['A', 'A:2', 'A:2:2', 'A:3']);
  });

  it('names a line by its own id, its SKU or its product', () => {
    const products = [{ line_id: 'L1', sku: 'A', price: 1 }, { sku: 'A', price: 1 }, { product_id: 'p', price: 1 }];

    expect(theOne(aTrack('Order Updated', { order_id: '1', products }))['lines']).toMatchObject([{ lineId: 'L1', sku: 'A' }, { lineId: 'A', sku: 'A' }, { lineId: 'p', sku: 'p', quantity: '1' }]);
  });
});

describe('a parcel', () => {
  it('is told of by itself when the event names it, since an order may leave in several', () => {
    expect(theOne(aTrack('Order Shipped', { order_id: '1', shipment_id: 'S-1', carrier: 'SF', tracking_no: 'SF100', promised_at: '2026-05-22T00:00:00Z' }))).toEqual({
      type: 'ShipmentObserved', source: 'shop', messageId: 'm-1', occurredAt: at, history: false, verified: true,
      orderId: 'shop:1', shipmentId: 'S-1', carrier: 'SF', trackingNumber: 'SF100', shippedAt: at, promisedAt: '2026-05-22T00:00:00.000Z',
    });
    expect(theOne(aTrack('Order Delivered', { order_id: '1', shipment_id: 'S-1', delivered_at: '2026-05-20T10:00:00Z' }))).toMatchObject({ type: 'ShipmentObserved', deliveredAt: '2026-05-20T10:00:00.000Z' });
  });

  it.each([['shipped', 'shippedAt'], ['In Transit', 'inTransitAt'], ['out-for-delivery', 'outForDeliveryAt'], ['DELIVERED', 'deliveredAt']])('is where the carrier says: %s', (carrier_status, milestone) => {
    const occurred_at = '2026-05-20T10:00:00.000Z';

    expect(theOne(aTrack('Shipment Updated', { order_id: '1', shipment_id: 'S-1', carrier_status, occurred_at }))).toMatchObject({ type: 'ShipmentObserved', occurredAt: occurred_at, [milestone]: occurred_at });
  });

  it('waits in quarantine when the carrier says what we do not know', () => {
    expect(faultsOf(aTrack('Shipment Updated', { order_id: '1', shipment_id: 'S-1', carrier_status: 'lost in space' }))).toEqual(['validation_failed /properties/carrier_status']);
  });

  it('may get another promise and nothing else', () => {
    expect(theOne(aTrack('Shipment Updated', { order_id: '1', shipment_id: 'S-1', promised_at: '2026-05-23T00:00:00Z' }))).toMatchObject({ promisedAt: '2026-05-23T00:00:00.000Z' });
  });
});

describe('a return', () => {
  it('is requested and received under its own id', () => {
    const said = { return_id: 'R-1', order_id: '50314', lines: [{ sku: 'A', quantity: 2 }] };

    expect(theOne(aTrack('Return Requested', said))).toMatchObject({
      type: 'ReturnObserved', returnId: 'shop:R-1', orderId: 'shop:50314', currency: 'USD', requestedAt: at, lines: [{ lineId: 'A', sku: 'A', quantity: '2', totalMinor: '0' }], subject: 'shop:account:88123',
    });
    expect(theOne(aTrack('Return Received', { ...said, received_at: '2026-05-20T10:00:00Z' }))).toMatchObject({ receivedAt: '2026-05-20T10:00:00.000Z' });
  });

  it('gives back the total of a refund, else what its products cost', () => {
    expect(theOne(aTrack('Order Refunded', { order_id: '50314', total: 30, currency: 'GBP' }))).toMatchObject({ type: 'ReturnObserved', returnId: 'shop:50314:m-1', orderId: 'shop:50314', currency: 'GBP', refundMinor: '3000', refundedAt: at, lines: [] });
    expect(theOne(aTrack('Order Refunded', { order_id: '50314', refund_id: 'F-1', products: [monopoly, uno] }))).toMatchObject({ returnId: 'shop:50314:F-1', refundMinor: '2501' });
    expect(theOne(aTrack('Order Refunded', { order_id: '50314', total: 1, products: [{ sku: 'A' }] }))).toMatchObject({ refundMinor: '100', lines: [{ sku: 'A', totalMinor: '0' }] });
  });

  it('is not believed to give back nothing because nobody said how much', () => {
    expect(faultsOf(aTrack('Order Refunded', { order_id: '50314' }))).toEqual(['validation_failed /properties/total']);
    expect(faultsOf(aTrack('Order Refunded', { order_id: '50314', products: [{ sku: 'A' }] }))).toEqual(['validation_failed /properties/products/0/price']);
  });

  it('has an id that fits, however long the ids are that it is made of', () => {
    const long = aTrack('Order Refunded', { order_id: 'o'.repeat(100), total: 1 }, { messageId: 'm'.repeat(100) });

    expect(theOne(long)['returnId']).toMatch(/^shop:[0-9a-f]{32}$/);
    expect(theOne(long)).toEqual(theOne(long));
  });
});

describe('stock', () => {
  it('is counted by SKU and warehouse, and may be less than nothing', () => {
    const counted = aTrack('Stock Level Changed', { sku: '45790-32', warehouse: 'main', on_hand: -2, occurred_at: '2026-05-20T10:00:00Z' }, { userId: undefined, anonymousId: 'erp' });

    expect(theOne(counted)).toEqual({
      type: 'StockObserved', source: 'shop', messageId: 'm-1', occurredAt: '2026-05-20T10:00:00.000Z', history: false, verified: true,
      kind: 'count', sku: '45790-32', warehouse: 'main', movementId: 'shop:m-1', quantity: '-2',
    });
  });
});

describe('a cart', () => {
  it.each([['Product Added', 'added'], ['Product Removed', 'removed']])('%s tells of the product', (event, action) => {
    expect(theOne(aTrack(event, { ...monopoly, cart_id: 'C-1', currency: 'EUR' }), browser)).toEqual({
      type: 'CartObserved', source: 'web', subject: 'web:account:88123', messageId: 'm-1', occurredAt: at, history: false, verified: false, identifiers: [], cartId: 'C-1', action, currency: 'EUR',
      lines: [{ lineId: '45790-32', sku: '45790-32', name: 'Monopoly', category: 'Games', quantity: '1', unitPrice: '19', totalMinor: '1900' }],
    });
  });

  it.each([['Cart Viewed', 'viewed'], ['Checkout Started', 'checkout_started']])('%s tells of all that lies in it', (event, action) => {
    expect(theOne(aTrack(event, { products: [monopoly, uno] }))).toMatchObject({ type: 'CartObserved', action, lines: [{ sku: '45790-32' }, { sku: '46493-32' }] });
  });

  it('without an id is the one cart that the person has', () => {
    expect(theOne(aTrack('Cart Viewed', { products: [] }))).toMatchObject({ cartId: 'current', lines: [] });
  });

  it('is told of even when the page does not know a price', () => {
    const { price: _, ...priceless } = monopoly;

    expect(theOne(aTrack('Product Added', priceless))['lines']).toEqual([{ lineId: '45790-32', sku: '45790-32', name: 'Monopoly', category: 'Games', quantity: '1', totalMinor: '0' }]);
  });

  it('is a cart and nothing else', () => {
    expect(observed(aTrack('Product Added', monopoly), server)).toHaveLength(1);
  });
});
