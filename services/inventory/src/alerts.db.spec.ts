import { streams, type Fact, type Messages } from '@yunke/contracts';
import { DAY, HOUR, iso } from '@yunke/kernel';
import { eventually, serviceUnderTest, type ServiceUnderTest } from '@yunke/testing';
import supertest from 'supertest';

import { dayOf } from './demand/plan.js';
import { inventory } from './inventory.module.js';

const NOW = Date.now();
let serial = 0;

const stock = (sku: string, kind: string, quantity: number, say: Partial<Messages['StockObserved']> = {}): Fact => {
  const at = say.occurredAt ?? iso(NOW + (serial += 1));
  return { type: 'StockObserved', body: { source: 'shop', messageId: `m${serial}`, occurredAt: at, acceptedAt: iso(NOW + serial), history: false, verified: true, sku, warehouse: 'main', movementId: `shop:${(serial += 1)}`, kind: kind as 'count', quantity: String(quantity), ...say } };
};

const ask = (orderId: string, number: number, units: Record<string, number>, wants: Messages['ReservationAsked']['wants'] = 'reserve'): Fact => {
  const at = iso(NOW + (serial += 1));
  return { type: 'ReservationAsked', body: { orderId, ask: String(number), effectiveAt: at, acceptedAt: at, reason: 'event', cause: 'a record', wants, because: 'paid', lines: Object.entries(units).map(([sku, quantity]) => ({ sku, quantity: String(quantity) })) } };
};

const ordered = (orderId: string, seq: number, units: Record<string, number>, say: Partial<Messages['OrderLinesRecorded']> = {}): Fact => {
  const at = iso(NOW + (serial += 1));
  return { type: 'OrderLinesRecorded', body: { orderId, seq: String(seq), effectiveAt: at, acceptedAt: at, reason: 'event', cause: 'a record', placedAt: at, lines: Object.entries(units).map(([sku, quantity]) => ({ sku, quantity: String(quantity), category: 'drinks' })), ...say } };
};

describe('what inventory tells its people', () => {
  let service: ServiceUnderTest;
  beforeAll(async () => { service = await serviceUnderTest(inventory); });
  afterAll(() => service.stop());

  const authorised = (test: supertest.Test) => test.set('authorization', `Bearer ${service.credentials.apiToken}`);
  const get = async (path: string) => (await authorised(supertest(service.baseUrl).get(`/api/inventory${path}`))).body;
  const put = (path: string, body: object) => authorised(supertest(service.baseUrl).put(`/api/inventory${path}`)).send(body);
  const alertsOf = async (sku: string) => (await service.said(streams.inventoryAlerts)).filter(({ body }) => body['sku'] === sku).map(({ type, body }) => ({ type, ...body }));
  const level = async (sku: string) => (await get(`/levels?sku=${sku}`)).items[0];

  it('opens one shortage, with advice, and closes it when the goods are there', async () => {
    await put('/thresholds', { sku: 'cups', reorderPoint: 10 }).expect(200);
    await service.hear(stock('cups', 'count', 12), stock('cups', 'sale', -4), stock('cups', 'sale', -1));
    const [opened] = await eventually(async () => {
      expect(await alertsOf('cups')).toMatchObject([{ type: 'StockAlertOpened', kind: 'shortage', warehouse: 'main', available: '7', threshold: '10', reason: 'event' }]);
      return alertsOf('cups');
    }) as unknown as [{ alertId: string }];
    expect((await get('/advice?sku=cups')).items).toMatchObject([{ kind: 'order', quantity: 5, evidence: { reorderPoint: 10, available: 7 } }]);
    expect((await get('/alerts?open=true&sku=cups')).items).toMatchObject([{ id: opened.alertId, kind: 'shortage' }]);

    await service.hear(stock('cups', 'receipt', 4), stock('cups', 'receipt', 40));
    await eventually(async () => expect((await alertsOf('cups')).slice(1)).toMatchObject([{ type: 'StockAlertClosed', alertId: opened.alertId, available: '51', reason: 'event' }]));
    expect((await get('/alerts?open=true&sku=cups')).items).toEqual([]);
    expect((await get('/advice?sku=cups')).items).toEqual([]);
  });

  it('alarms nobody about history, knows the state after it, and alarms about the next live event', async () => {
    await put('/thresholds', { sku: 'old', reorderPoint: 10 }).expect(200);
    await service.hear(stock('old', 'count', 3, { history: true }));
    await eventually(async () => expect(await level('old')).toMatchObject({ onHand: 3 }));
    await put('/thresholds', { sku: 'old', reorderPoint: 11 }).expect(200); // time alone does not, either
    await eventually(async () => expect(await service.db.query(`select 1 from skus where sku = 'old' and plan is not null`)).toHaveLength(1));
    expect(await alertsOf('old')).toEqual([]);

    await service.hear(stock('old', 'sale', -1));
    await eventually(async () => expect(await alertsOf('old')).toMatchObject([{ type: 'StockAlertOpened', kind: 'shortage', available: '2', threshold: '11' }]));
    await service.hear(stock('old', 'count', 99, { history: true }));
    await eventually(async () => expect((await alertsOf('old')).at(-1)).toMatchObject({ type: 'StockAlertClosed', reason: 'history' }));
  });

  it('tells of more promised than there is, and takes back the newest promises, which may ask anew', async () => {
    await service.hear(stock('scarce', 'count', 6));
    await eventually(async () => expect(await level('scarce')).toBeDefined());
    for (const name of ['a', 'b', 'c']) await service.hear(ask(`shop:scarce-${name}`, 1, { scarce: 2 }));
    await eventually(async () => expect(await level('scarce')).toMatchObject({ reserved: 6 }));
    await service.hear(stock('scarce', 'count', 3));

    const reservations = async () => (await get('/reservations?sku=scarce')).items.map(({ orderId, state }: { orderId: string; state: string }) => [orderId.at(-1), state]).sort();
    await eventually(async () => expect(await reservations()).toEqual([['a', 'reserved'], ['b', 'lost'], ['c', 'lost']]), 20_000);
    await eventually(async () => expect(await alertsOf('scarce')).toMatchObject([{ type: 'StockAlertOpened', kind: 'oversold', available: '-3', threshold: '0', reason: 'time' }]));
    await service.hear(ask('shop:scarce-b', 2, { scarce: 2 }), ask('shop:scarce-c', 2, { scarce: 2 }));
    await eventually(async () => expect(await reservations()).toEqual([['a', 'reserved'], ['b', 'backordered'], ['c', 'backordered']]));
    expect(await level('scarce')).toMatchObject({ onHand: 3, reserved: 2, available: 1 });
    await eventually(async () => expect((await alertsOf('scarce')).at(-1)).toMatchObject({ type: 'StockAlertClosed', kind: 'oversold' }));
  }, 60_000);

  it('takes promises back also when the count that shows them to be vain comes late, but not for history', async () => {
    const counted = (sku: string, quantity: number, hoursAgo: number, history = false): Fact => stock(sku, 'count', quantity, { occurredAt: iso(NOW - hoursAgo * HOUR), history });
    await service.hear(counted('tardy', 4, 9), counted('past', 4, 9));
    await eventually(async () => expect([await level('tardy'), await level('past')]).toMatchObject([{ onHand: 4 }, { onHand: 4 }]));
    for (const sku of ['tardy', 'past']) await service.hear(ask(`shop:${sku}-a`, 1, { [sku]: 2 }), ask(`shop:${sku}-b`, 1, { [sku]: 2 }));
    await eventually(async () => expect([await level('tardy'), await level('past')]).toMatchObject([{ reserved: 4 }, { reserved: 4 }]));
    await service.hear(counted('past', 2, 8, true), counted('tardy', 3, 8));

    const states = async (sku: string) => (await get(`/reservations?sku=${sku}`)).items.map(({ state }: { state: string }) => state).sort();
    await eventually(async () => expect(await states('tardy')).toEqual(['lost', 'reserved']), 20_000);
    await eventually(async () => expect(await alertsOf('tardy')).toMatchObject([{ type: 'StockAlertOpened', kind: 'oversold', available: '-1', reason: 'time' }]));
    expect(await states('past')).toEqual(['reserved', 'reserved']);
    expect(await alertsOf('past')).toEqual([]);
  }, 60_000);

  it('is not alarmed when a sale is heard before the order that it belongs to', async () => {
    await service.hear(stock('brief', 'count', 2), stock('other', 'count', 1));
    await eventually(async () => expect(await level('brief')).toBeDefined());
    await service.hear(ask('shop:brief', 1, { brief: 2 }));
    await eventually(async () => expect(await level('brief')).toMatchObject({ reserved: 2 }));
    const soldAt = iso(Date.now()); // the grace counts from now, however long the tests before took
    await service.hear(stock('brief', 'sale', -2, { occurredAt: soldAt, acceptedAt: soldAt }));
    await eventually(async () => expect(await level('brief')).toMatchObject({ available: -2 }));
    await service.hear(ask('shop:brief', 2, {}, 'consume'));

    await eventually(async () => expect(await level('brief')).toMatchObject({ onHand: 0, reserved: 0, available: 0 }));
    await eventually(async () => expect(await service.db.query(`select 1 from timers where kind = 'oversold' and key = 'brief'`)).toEqual([]), 20_000);
    expect(await alertsOf('brief')).toEqual([]);
    expect((await get('/reservations/shop:brief'))).toMatchObject({ state: 'consumed', ask: 2 });
  }, 60_000);

  it('computes demand from orders, without the days on which there was nothing to sell, and says when to order', async () => {
    const today = dayOf(NOW);
    const noon = (ago: number): string => iso((today - ago) * DAY + DAY / 2);
    await service.hear(stock('steady', 'count', 90, { occurredAt: noon(20), history: true }), stock('steady', 'count', 0, { occurredAt: noon(10), history: true }), stock('steady', 'count', 60, { occurredAt: noon(8), history: true }));
    await service.hear(...[20, 19, 18, 17, 16, 15, 14, 13, 12, 11, 7, 6, 5, 4, 3, 2, 1].map((ago) => ordered(`shop:steady-${ago}`, 1, { steady: 3 }, { placedAt: noon(ago), reason: 'history' })));
    await service.hear(ordered('shop:steady-1', 2, { steady: 3 }, { placedAt: noon(1), cancelledAt: noon(0) }), ordered('shop:steady-2', 2, { steady: 6 }, { placedAt: noon(2) }));
    await eventually(async () => expect(await service.db.query(`select sum(units)::int as units from demand_days where sku = 'steady'`)).toEqual([{ units: 51 }]));
    await service.hear(stock('steady', 'sale', -38, { occurredAt: iso(NOW) }));
    await eventually(async () => expect(await level('steady')).toMatchObject({ onHand: 22 }));
    await put('/thresholds', { category: 'drinks', leadTimeDays: 7 }).expect(200);

    const found = await eventually(async () => {
      const { items } = await get('/advice?sku=steady&kind=order');
      expect(items).toHaveLength(1);
      return items[0];
    }, 20_000);
    expect(found.evidence).toMatchObject({ meanDaily: 3, unitsInWindow: 51, leadTimeDays: 7, available: 22 }); // 17 days: 20 less three without stock
    await eventually(async () => expect(await alertsOf('steady')).toMatchObject([{ type: 'StockAlertOpened', kind: 'shortage', reason: 'time' }]));
  }, 60_000);

  it('says when to order what is seldom asked for by the lead times of the past', async () => {
    const today = dayOf(NOW);
    const noon = (ago: number): string => iso((today - ago) * DAY + DAY / 2);
    await service.hear(stock('seldom', 'count', 32, { occurredAt: noon(30), history: true }), ...[17, 3].map((ago) => ordered(`shop:seldom-${ago}`, 1, { seldom: 10 }, { placedAt: noon(ago), reason: 'history' })));
    await eventually(async () => expect(await service.db.query(`select sum(units)::int as units from demand_days where sku = 'seldom'`)).toEqual([{ units: 20 }]));
    await service.hear(stock('seldom', 'sale', -20));
    await eventually(async () => expect(await level('seldom')).toMatchObject({ onHand: 12 }));
    await put('/thresholds', { sku: 'seldom', leadTimeDays: 7 }).expect(200); // the plan is due at once

    await eventually(async () => expect((await get('/advice?sku=seldom')).items).toMatchObject([{ kind: 'order', evidence: { reorderPoint: 10, meanDaily: 0.71, available: 12 } }]), 20_000);
    expect(await alertsOf('seldom')).toEqual([]); // twelve suffice for the ten of any seven days
  }, 60_000);

  it('opens an overstock for what is old and slow, advises how much to sell off, and closes it when that is gone', async () => {
    const today = dayOf(NOW);
    const noon = (ago: number): string => iso((today - ago) * DAY + DAY / 2);
    await service.hear(stock('slow', 'count', 500, { occurredAt: noon(40), history: true }), ...Array.from({ length: 28 }, (_, day) => ordered(`shop:slow-${day}`, 1, { slow: 1 }, { placedAt: noon(day + 1), reason: 'history' })));
    await eventually(async () => expect(await service.db.query(`select sum(units)::int as units from demand_days where sku = 'slow'`)).toEqual([{ units: 28 }]));
    await service.hear(stock('slow', 'sale', -1));
    await eventually(async () => expect(await level('slow')).toMatchObject({ onHand: 499 }));
    await put('/thresholds', { sku: 'slow', targetCoverDays: 100 }).expect(200); // the plan is due at once

    const [opened] = await eventually(async () => {
      const said = await alertsOf('slow');
      expect(said).toMatchObject([{ type: 'StockAlertOpened', kind: 'overstock', available: '499', threshold: '100', reason: 'time' }]);
      return said as unknown as [{ alertId: string }];
    }, 20_000);
    const evidence = { available: 499, meanDaily: 1, unitsInWindow: 28, coverDays: 499, targetCoverDays: 100 };
    expect((await get('/alerts?open=true&sku=slow')).items).toMatchObject([{ id: opened.alertId, kind: 'overstock', evidence }]);
    expect((await get('/advice?sku=slow')).items).toMatchObject([{ kind: 'promote', warehouse: 'main', quantity: 399, evidence }]);

    await service.hear(stock('slow', 'sale', -405), stock('slow', 'sale', -4));
    await eventually(async () => expect((await alertsOf('slow')).slice(1)).toMatchObject([{ type: 'StockAlertClosed', kind: 'overstock', alertId: opened.alertId, available: '90', reason: 'event' }]));
    expect((await get('/alerts?sku=slow')).items).toMatchObject([{ id: opened.alertId, closedReason: 'event' }]);
    expect((await get('/advice?sku=slow')).items).toEqual([]);
  }, 60_000);

  it('moves stock by shipped orders of a source that sends none of its own, once, and puts right what was told wrong', async () => {
    await put('/sources/till', { fromOrders: true, warehouse: 'main' }).expect(200);
    await service.hear(stock('mug', 'count', 10));
    await eventually(async () => expect(await level('mug')).toBeDefined());
    const placed = ordered('till:1', 1, { mug: 3 });
    await service.hear(placed, ask('till:1', 1, { mug: 3 }));
    await eventually(async () => expect(await level('mug')).toMatchObject({ onHand: 10, reserved: 3 }));
    const shipped = ordered('till:1', 2, { mug: 3 }, { shippedAt: iso(NOW + 1_000) });
    await service.hear(shipped, ask('till:1', 2, {}, 'consume'), shipped, ordered('till:1', 3, { mug: 2 }, { shippedAt: iso(NOW + 1_000) }), ordered('web:1', 1, { mug: 5 }, { shippedAt: iso(NOW) }));

    await eventually(async () => expect(await level('mug')).toMatchObject({ onHand: 8, reserved: 0, available: 8 }));
    expect((await get('/levels/mug/main/ledger')).items.map(({ kind, delta }: { kind: string; delta: number }) => [kind, delta])).toEqual(expect.arrayContaining([['sale', 1], ['sale', -3], ['count', 10]]));
    expect((await get('/levels/mug/main/ledger?kind=sale&limit=1')).items).toHaveLength(1);
  });

  it('puts stock right when a line that left the shop turns out to be another SKU, or none', async () => {
    await put('/sources/till', { fromOrders: true, warehouse: 'main' }).expect(200);
    await service.hear(stock('bowl', 'count', 10), stock('plate', 'count', 10));
    await eventually(async () => expect(await level('plate')).toBeDefined());
    const left = (seq: number, units: Record<string, number>): Fact => ordered('till:2', seq, units, { shippedAt: iso(NOW + 1_000) });
    await service.hear(left(1, { bowl: 3, spoon: 1 }));
    await eventually(async () => expect(await level('bowl')).toMatchObject({ onHand: 7 }));
    await service.hear(left(2, { plate: 3 }));
    await eventually(async () => expect([await level('bowl'), await level('plate'), await level('spoon')]).toMatchObject([{ onHand: 10 }, { onHand: 7 }, { onHand: 0 }]));
    await service.hear(left(3, {}));

    await eventually(async () => expect(await level('plate')).toMatchObject({ onHand: 10 }));
  });

  it('sorts every list by what is allowed, either way, and its pages are the whole list', async () => {
    await service.hear(stock('sorted', 'count', 9), stock('sorted', 'sale', -4), stock('sorted', 'sale', -4), stock('sorted', 'receipt', 2, { occurredAt: iso(NOW - DAY) }), stock('sorted', 'sale', -1));
    await eventually(async () => expect(await level('sorted')).toMatchObject({ onHand: 0 }));
    for (const name of ['b', 'c', 'a']) await service.hear(ask(`shop:sorted-${name}`, 1, { sorted: 2 }));
    await eventually(async () => expect((await get('/reservations?sku=sorted')).items).toHaveLength(3));
    await service.db.query(
      `insert into stock_alerts (id, kind, sku, warehouse, available, threshold, evidence, opened_at, opened_reason, closed_at, closed_reason)
       select gen_random_uuid(), 'shortage', 'sorted', 'w' || n, n % 2, n, '{}', n / 2, 'event', 9, 'event' from generate_series(1, 5) as n`);
    await service.db.query(`insert into stock_advice (sku, warehouse, kind, quantity, act_by, evidence, computed_at) select 'sorted', 'w' || n, 'order', n % 2, n / 2, '{}', 7 - n from generate_series(1, 5) as n`);

    const lists: [list: string, sorts: string[]][] = [
      ['/levels?', ['sku', 'available', 'onHand', 'reserved', 'incoming']], ['/levels/sorted/main/ledger?', ['occurredAt', 'acceptedAt', 'quantity', 'delta']],
      ['/reservations?sku=sorted', ['since', 'answeredAt', 'orderId']], ['/alerts?sku=sorted', ['openedAt', 'sku', 'available', 'threshold']], ['/advice?sku=sorted', ['actBy', 'sku', 'quantity', 'computedAt']],
    ];
    for (const [list, sorts] of lists) {
      const whole = (await get(`${list}&limit=200`)).items as Record<string, number | string>[];
      expect(whole.length).toBeGreaterThan(2);
      for (const [sort, order] of sorts.flatMap((one) => [[one, 'asc'], [one, 'desc']] as const)) {
        const found: Record<string, number | string>[] = [];
        for (let after: string | undefined = ''; after !== undefined;) {
          const page: { items: typeof found; next?: string } = await get(`${list}&limit=2&sort=${sort}&order=${order}${after && `&after=${after}`}`);
          found.push(...page.items);
          after = page.next;
        }
        const values = found.map((item) => item[sort]!);
        expect([list, sort, order, values]).toEqual([list, sort, order, [...values].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0) * (order === 'asc' ? 1 : -1))]);
        expect(new Set(found.map((item) => JSON.stringify(item)))).toEqual(new Set(whole.map((item) => JSON.stringify(item))));
        expect(found).toHaveLength(whole.length);
      }
      expect((await authorised(supertest(service.baseUrl).get(`/api/inventory${list}&sort=book`)).expect(422)).body.code).toBe('validation_failed');
    }
    await service.db.query(`delete from stock_advice where sku = 'sorted'`);
  });

  it('refuses a cursor that no list gave, or another one', async () => {
    const cursor = (place: object): string => Buffer.from(JSON.stringify(place)).toString('base64url');
    const wrong: [list: string, place: object][] = [
      ['/levels?sort=available', { sort: 'sku', order: 'asc', value: 'cups', sku: 'cups', warehouse: 'main' }], ['/levels?order=desc', { sort: 'sku', order: 'asc', value: 'cups', sku: 'cups', warehouse: 'main' }],
      ['/levels?sort=available', { sort: 'available', order: 'asc', value: 'many', sku: 'cups', warehouse: 'main' }], ['/levels?', { sort: 'sku', order: 'asc', value: '\0', sku: 'cups', warehouse: 'main' }],
      ['/levels/cups/main/ledger?', { sort: 'sequence', order: 'desc', value: 1.5, acceptedAt: 0, messageId: 'm', movementId: 'm' }], ['/levels/cups/main/ledger?', { sort: 'sequence', order: 'desc', value: 1, acceptedAt: 1e300, messageId: 'm', movementId: 'm' }],
      ['/reservations?', { sort: 'since', order: 'asc', value: 'yesterday', orderId: 'shop:1' }], ['/reservations?', { sort: 'since', order: 'asc', value: 1 }],
      ['/alerts?', { sort: 'openedAt', order: 'desc', value: 1, id: 'not a uuid' }], ['/alerts?', []], ['/advice?', { sort: 'actBy', order: 'asc', value: 'soon', sku: 'cups', warehouse: 'main' }], ['/thresholds?', { sku: 'cups', category: 7, warehouse: '' }],
    ];
    for (const [list, place] of wrong) expect([list, (await authorised(supertest(service.baseUrl).get(`/api/inventory${list}&after=${cursor(place)}`)).expect(422)).body.code]).toEqual([list, 'cursor.invalid']);
  });

  it('lists levels by page, sorted by what is allowed, and says what is wrong with a question', async () => {
    const first = await get('/levels?sort=available&order=desc&limit=2');
    const second = await get(`/levels?sort=available&order=desc&limit=2&after=${first.next}`);
    const available = [...first.items, ...second.items].map((one: { available: number }) => one.available);
    expect(available).toEqual([...available].sort((a, b) => b - a));
    expect(new Set([...first.items, ...second.items].map(({ sku }: { sku: string }) => sku)).size).toBe(4);

    expect((await authorised(supertest(service.baseUrl).get('/api/inventory/levels?sort=book')).expect(422)).body.code).toBe('validation_failed');
    expect((await authorised(supertest(service.baseUrl).get('/api/inventory/levels?availableBelow=1e30')).expect(422)).body.code).toBe('validation_failed');
    expect((await authorised(supertest(service.baseUrl).get('/api/inventory/levels?after=nonsense')).expect(422)).body.code).toBe('cursor.invalid');
    expect((await authorised(supertest(service.baseUrl).delete('/api/inventory/thresholds?sku=nobody')).expect(404)).body.code).toBe('threshold.not_found');
    expect((await authorised(supertest(service.baseUrl).get('/api/inventory/reservations/shop:nobody')).expect(404)).body.code).toBe('reservation.not_found');
    await put('/thresholds', { sku: 'cups', leadTimeDays: 0 }).expect(422);
    expect((await get('/thresholds')).items).toContainEqual({ sku: 'cups', category: '', warehouse: '', reorderPoint: 10, leadTimeDays: null, serviceLevel: null, targetCoverDays: null });
    await supertest(service.baseUrl).get('/api/inventory/levels').expect(401);
  });
});
