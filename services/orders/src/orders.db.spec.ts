import { streams, type Fact } from '@yunke/contracts';
import { Batch } from '@yunke/events';
import { DAY, HOUR, iso } from '@yunke/kernel';
import { Settings } from '@yunke/service';
import { NOON, aReturnObserved, anOrderObserved, eventually, serviceUnderTest, type ServiceUnderTest } from '@yunke/testing';
import supertest from 'supertest';

import { OrderHandlers } from './order/order.handlers.js';
import { OrdersConfig } from './orders.config.js';
import { orders } from './orders.module.js';
import { ReturnHandlers } from './return/return.handlers.js';

const config = new OrdersConfig(new Settings({}));

describe('orders', () => {
  let service: ServiceUnderTest;
  beforeAll(async () => { service = await serviceUnderTest(orders); });
  afterAll(() => service.stop());

  const api = () => supertest(service.baseUrl);
  const token = () => `Bearer ${service.credentials.apiToken}`;
  const factsOf = async (orderId: string) => (await service.said(streams.ordersChanges)).filter(({ body }) => body['orderId'] === orderId);

  it('announces a milestone once, however often the shop repeats it', async () => {
    const placed = anOrderObserved({ orderId: 'shop:once' });
    await service.hear({ type: 'OrderObserved', body: placed }, { type: 'OrderObserved', body: { ...placed, messageId: 'again' } }, { type: 'OrderObserved', body: { ...placed, messageId: 'paid', paidAt: placed.placedAt! } });

    await eventually(async () => expect((await factsOf('shop:once')).map(({ type, body }) => [type, body['seq']])).toEqual([['OrderPlaced', '1'], ['OrderPaid', '2']]));
  });

  it('answers with the order as it stands, and with 404 for one that nobody has seen', async () => {
    await service.hear({ type: 'OrderObserved', body: anOrderObserved({ orderId: 'shop:seen', subject: 'shop:account:grace' }) });

    const found = await eventually(async () => api().get('/api/orders/shop:seen').set('authorization', token()).expect(200));
    expect(found.body).toMatchObject({ orderId: 'shop:seen', status: 'placed', totalMinor: '1000', lines: [{ lineId: '1', sku: 'tea', quantity: 1 }] });
    expect((await api().get('/api/orders/shop:unseen').set('authorization', token()).expect(404)).body.code).toBe('order.not_found');
    expect((await api().get('/api/orders?subject=shop:account:grace').set('authorization', token()).expect(200)).body.items).toHaveLength(1);
    await api().get('/api/orders').expect(401);
  });

  it('lists orders by page, also those whose placing nobody saw, and refuses a cursor that it did not give', async () => {
    const { placedAt: _, ...unplaced } = anOrderObserved({ orderId: 'shop:unplaced', subject: 'shop:account:lin' });
    const words: object[] = [anOrderObserved({ orderId: 'shop:page-1', subject: 'shop:account:lin' }), anOrderObserved({ orderId: 'shop:page-2', subject: 'shop:account:lin', placedAt: iso(NOON + HOUR) }), unplaced];
    await service.hear(...words.map((body) => ({ type: 'OrderObserved', body }) as Fact));
    const page = async (after = '') => (await api().get(`/api/orders?subject=shop:account:lin&limit=1${after && `&after=${after}`}`).set('authorization', token())).body as { items: { orderId: string }[]; next?: string };
    await eventually(async () => {
      const [ids, next] = [[] as string[], { after: '' as string | undefined }];
      for (; next.after !== undefined && ids.length < 9;) {
        const { items, next: after } = await page(next.after);
        ids.push(...items.map(({ orderId }) => orderId));
        next.after = after;
      }
      expect(ids).toHaveLength(3);
      expect(new Set(ids)).toEqual(new Set(['shop:page-1', 'shop:page-2', 'shop:unplaced']));
    });

    for (const place of [{ placedAt: 'yesterday', id: 'a' }, { placedAt: '2026-02-30T00:00:00.000Z', id: 'a' }, { placedAt: '0000-01-01T00:00:00.000Z', id: 'a' }, { placedAt: '-infinity', id: 'a\0' }, { id: 'a' }, { placedAt: 7, id: 'a' }]) {
      const { body } = await api().get(`/api/orders?after=${Buffer.from(JSON.stringify(place)).toString('base64url')}`).set('authorization', token()).expect(422);
      expect(body.code).toBe('cursor.invalid');
    }
  });

  it('takes a refund from its order, whichever of the two is heard first', async () => {
    await service.hear({ type: 'ReturnObserved', body: aReturnObserved({ returnId: 'shop:R9', orderId: 'shop:refunded' }) }, { type: 'OrderObserved', body: anOrderObserved({ orderId: 'shop:refunded' }) });

    await eventually(async () => expect((await api().get('/api/orders/shop:refunded').set('authorization', token())).body).toMatchObject({ totalMinor: '1000', refundedMinor: '400', refunds: [{ returnId: 'shop:R9', amountMinor: '400' }] }));
  });

  it('folds one new order from two partitions at once: who made the row second tries again and finds it', async () => {
    const record = <T extends string, B extends { acceptedAt: string }>(type: T, body: B, key: string) => ({ type, body, key, id: `id-${type}`, acceptedAt: Date.parse(body.acceptedAt) });
    const placed = new Batch<typeof streams.orderObservations>([record('OrderObserved', anOrderObserved({ orderId: 'shop:raced' }), 'shop:raced')]);
    const refunded = new Batch<typeof streams.returnObservations>([record('ReturnObserved', aReturnObserved({ returnId: 'shop:R-raced', orderId: 'shop:raced' }), 'shop:R-raced')]);
    const [handlers, returns] = [new OrderHandlers(config), new ReturnHandlers(config)];
    let commit!: () => void;
    const mayCommit = new Promise<void>((resolve) => (commit = resolve));
    let first: Promise<void> = Promise.resolve();
    await new Promise<void>((heard) => {
      first = service.db.tx(async (tx) => {
        await handlers.heard(placed, tx);
        heard();
        await mayCommit;
      });
    });
    const second = service.db.tx((tx) => returns.heard(refunded, tx));
    await eventually(async () => expect(await service.db.query(`select 1 from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()`)).toHaveLength(1));
    commit();

    await first;
    await expect(second).rejects.toMatchObject({ kind: 'unavailable', code: 'row.raced' });
    await service.db.tx((tx) => returns.heard(refunded, tx));
    expect((await api().get('/api/orders/shop:raced').set('authorization', token())).body).toMatchObject({ status: 'placed', totalMinor: '1000', refundedMinor: '400' });
  });

  it('keeps and shows a refund in another currency, and takes nothing for it from the order', async () => {
    await service.hear({ type: 'OrderObserved', body: anOrderObserved({ orderId: 'shop:abroad' }) }, { type: 'ReturnObserved', body: aReturnObserved({ returnId: 'shop:R-eur', orderId: 'shop:abroad', currency: 'EUR' }) });

    await eventually(async () => expect((await api().get('/api/orders/shop:abroad').set('authorization', token())).body).toMatchObject({ totalMinor: '1000', refundedMinor: '0', refunds: [], foreignRefunds: [{ returnId: 'shop:R-eur', amountMinor: '400', currency: 'EUR' }], status: 'placed' }));
    await eventually(async () => expect((await factsOf('shop:abroad')).map(({ type }) => type).sort()).toEqual(['OrderPlaced', 'OrderRefunded']));
  });

  const asksOf = async (orderId: string) => (await service.said(streams.ordersLines)).filter(({ type, body }) => type === 'ReservationAsked' && body['orderId'] === orderId).map(({ body }) => body);
  /** Heard now: what is set aside would lapse at once if it had been for months. */
  const answer = (type: 'StockReserved' | 'StockLost', orderId: string, ask: number) => ({ type, body: { orderId, ask: String(ask), seq: '1', effectiveAt: iso(NOON), acceptedAt: iso(Date.now()), reason: 'event', cause: 'an ask', lines: [] } }) as Fact;

  it('asks for stock once an order is paid, is allocated by the answer, and asks again when the units are lost', async () => {
    const placed = anOrderObserved({ orderId: 'shop:saga' });
    await service.hear({ type: 'OrderObserved', body: placed });
    await service.hear({ type: 'OrderObserved', body: { ...placed, messageId: 'paid', paidAt: placed.placedAt! } });
    await eventually(async () => expect(await asksOf('shop:saga')).toMatchObject([{ ask: '1', wants: 'reserve', because: 'paid', lines: [{ sku: 'tea', quantity: '1' }] }]));
    await service.hear(answer('StockReserved', 'shop:saga', 1));
    await eventually(async () => expect((await factsOf('shop:saga')).at(-1)).toMatchObject({ type: 'OrderAllocated', body: { order: { status: 'allocated' } } }));
    await service.hear(answer('StockLost', 'shop:saga', 1));

    await eventually(async () => expect((await asksOf('shop:saga')).at(-1)).toMatchObject({ ask: '2', wants: 'reserve', because: 'lost' }));
    expect((await factsOf('shop:saga')).at(-1)).toMatchObject({ type: 'OrderBackordered', body: { because: 'lost', order: { status: 'backordered' } } });
  });

  it('asks for nothing that history tells', async () => {
    await service.hear({ type: 'OrderObserved', body: anOrderObserved({ orderId: 'shop:long-ago', history: true, paidAt: iso(NOON) }) });

    await eventually(async () => expect(await factsOf('shop:long-ago')).toHaveLength(2));
    expect(await asksOf('shop:long-ago')).toEqual([]);
  });

  it('ends a reservation that nobody used when its time is over', async () => {
    const soon = Date.now() - 14 * DAY + 1_500; // it is held for fourteen days from then
    const placed = anOrderObserved({ orderId: 'shop:lapsing', occurredAt: iso(soon - 1_000) });
    await service.hear({ type: 'OrderObserved', body: { ...placed, paidAt: placed.placedAt! } });
    await eventually(async () => expect(await asksOf('shop:lapsing')).toHaveLength(1));
    await service.hear({ ...answer('StockReserved', 'shop:lapsing', 1), body: { ...answer('StockReserved', 'shop:lapsing', 1).body, acceptedAt: iso(soon) } } as Fact);

    await eventually(async () => expect((await asksOf('shop:lapsing')).at(-1)).toMatchObject({ ask: '2', wants: 'release', because: 'lapsed', reason: 'time', acceptedAt: iso(soon + 14 * DAY) }));
    expect((await factsOf('shop:lapsing')).findLast(({ type }) => type === 'OrderBackordered')).toMatchObject({ body: { because: 'lapsed', reason: 'time' } });
  });

  it('says when a promise is missed and when an order stands too long, at that instant and once', async () => {
    const [promise, paid] = [Date.now() + 1_500, Date.now() - 48 * HOUR + 1_500];
    const late = anOrderObserved({ orderId: 'shop:late' });
    await service.hear(
      { type: 'OrderObserved', body: { ...late, promisedAt: iso(promise) } },
      { type: 'OrderObserved', body: anOrderObserved({ orderId: 'shop:stalled', paidAt: iso(paid) }) },
      { type: 'OrderObserved', body: anOrderObserved({ orderId: 'shop:long-stalled', acceptedAt: iso(Date.now()), paidAt: iso(paid - 3 * HOUR) }) },
      { type: 'OrderObserved', body: anOrderObserved({ orderId: 'shop:in-time', promisedAt: iso(promise), deliveredAt: iso(promise - 5_000) }) });

    await eventually(async () => expect((await factsOf('shop:late')).at(-1)).toMatchObject({ type: 'OrderLate', body: { promisedAt: iso(promise), effectiveAt: iso(promise), acceptedAt: iso(promise), reason: 'time' } }));
    await eventually(async () => expect((await factsOf('shop:stalled')).at(-1)).toMatchObject({ type: 'OrderStalled', body: { stage: 'paid', since: iso(paid), effectiveAt: iso(paid + 48 * HOUR), reason: 'time' } }));
    expect((await factsOf('shop:long-stalled')).at(-1)).toMatchObject({ type: 'OrderStalled', body: { reason: 'late' } });
    await service.hear({ type: 'OrderObserved', body: { ...late, messageId: 'shipped', occurredAt: iso(promise + 100), acceptedAt: iso(promise + 100), shippedAt: iso(promise + 100) } });
    await eventually(async () => expect((await factsOf('shop:late')).map(({ type }) => type)).toEqual(['OrderPlaced', 'OrderLate', 'OrderShipped']));
    expect((await factsOf('shop:in-time')).map(({ type }) => type)).not.toContain('OrderLate');
  });

  it('gives its units back when all of the money went back, and is amended when that return belongs to another order after all', async () => {
    await service.hear(...['shop:back', 'shop:other'].map((orderId): Fact => ({ type: 'OrderObserved', body: anOrderObserved({ orderId, paidAt: iso(NOON) }) })));
    await eventually(async () => expect([await asksOf('shop:back'), await asksOf('shop:other')]).toMatchObject([[{ wants: 'reserve' }], [{ wants: 'reserve' }]]));
    const refund = (orderId: string, minutes: number): Fact => ({ type: 'ReturnObserved', body: aReturnObserved({ returnId: 'shop:R-back', orderId, refundMinor: '1000', occurredAt: iso(NOON + minutes * 60_000) }) });
    await service.hear(refund('shop:back', 1));
    await eventually(async () => expect(await asksOf('shop:back')).toMatchObject([{ wants: 'reserve' }, { wants: 'release', because: 'refunded' }]));
    await service.hear(refund('shop:other', 2));

    await eventually(async () => expect((await factsOf('shop:back')).filter(({ type }) => type !== 'OrderStalled').at(-1)).toMatchObject({ type: 'OrderAmended', body: { order: { refundedMinor: '0' } } }));
    await eventually(async () => expect(await asksOf('shop:other')).toMatchObject([{ wants: 'reserve' }, { wants: 'release', because: 'refunded' }]));
    expect(await asksOf('shop:back')).toMatchObject([{ wants: 'reserve' }, { wants: 'release' }, { wants: 'reserve', because: 'amended' }]);
  });

  it('says that a promise was missed before the money went back, also when the refund is heard before the timer had its turn', async () => {
    const [promise, refundedAt] = [NOON + HOUR, NOON + 2 * HOUR];
    const record = <T extends string, B extends { acceptedAt: string }>(type: T, body: B, key: string) => ({ type, body, key, id: `id-late-${type}`, acceptedAt: Date.parse(body.acceptedAt) });
    const placed = anOrderObserved({ orderId: 'shop:late-refund', acceptedAt: iso(NOON), promisedAt: iso(promise) });
    const refund = aReturnObserved({ returnId: 'shop:R-late', orderId: 'shop:late-refund', refundMinor: '1000', lines: [], occurredAt: iso(refundedAt), acceptedAt: iso(refundedAt), refundedAt: iso(refundedAt) });
    await service.db.tx(async (tx) => { // one transaction, so that no timer comes between
      await new OrderHandlers(config).heard(new Batch<typeof streams.orderObservations>([record('OrderObserved', placed, placed.orderId)]), tx);
      await new ReturnHandlers(config).heard(new Batch<typeof streams.returnObservations>([record('ReturnObserved', refund, refund.returnId)]), tx);
    });

    await eventually(async () => expect(await factsOf('shop:late-refund')).toMatchObject([{ type: 'OrderPlaced' }, { type: 'OrderLate', body: { seq: '2', effectiveAt: iso(promise), acceptedAt: iso(promise), reason: 'time', order: { status: 'placed' } } }, { type: 'OrderRefunded', body: { seq: '3', order: { status: 'refunded' } } }]));
  });

  it('says a return that points at no order by itself', async () => {
    await service.hear({ type: 'ReturnObserved', body: aReturnObserved({ returnId: 'shop:alone' }) });

    await eventually(async () => expect(await service.said(streams.ordersReturns)).toMatchObject([{ type: 'ReturnRecorded', body: { returnId: 'shop:alone', refundMinor: '400', seq: '1' } }]));
  });
});
