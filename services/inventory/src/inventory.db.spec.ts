import { streams, type Fact, type Messages } from '@yunke/contracts';
import { Batch } from '@yunke/events';
import { iso } from '@yunke/kernel';
import { Sweeper } from '@yunke/service';
import { eventually, serviceUnderTest, type ServiceUnderTest } from '@yunke/testing';

import { forgetClosed } from './alert/alert.store.js';
import { inventory } from './inventory.module.js';
import { ReservationHandlers } from './reservation/reservation.handlers.js';
import { forgetEnded } from './reservation/reservation.store.js';

const NOW = Date.now();
let serial = 0;

/** Order `orderId` wants units of SKUs, by its ask `ask`. */
const ask = (orderId: string, number: number, units: Record<string, number>, say: Partial<Messages['ReservationAsked']> = {}): Fact => {
  const at = iso(NOW + (serial += 1));
  return { type: 'ReservationAsked', body: { orderId, ask: String(number), effectiveAt: at, acceptedAt: at, reason: 'event', cause: 'a record', wants: 'reserve', because: 'paid', lines: Object.entries(units).map(([sku, quantity]) => ({ sku, quantity: String(quantity) })), ...say } };
};

/** A source's words about stock: shop counts 50 of `tea` in `main`, unless told otherwise. */
const stock = (say: Partial<Messages['StockObserved']> = {}): Fact => {
  const at = say.occurredAt ?? iso(NOW + (serial += 1));
  return { type: 'StockObserved', body: { source: 'shop', messageId: `m${serial}`, occurredAt: at, acceptedAt: at, history: false, verified: true, sku: 'tea', warehouse: 'main', movementId: `shop:${serial}`, kind: 'count', quantity: '50', ...say } };
};

describe('inventory', () => {
  let service: ServiceUnderTest;
  beforeAll(async () => { service = await serviceUnderTest(inventory); });
  afterAll(() => service.stop());

  const levelsOf = async (sku: string) => (await service.said(streams.inventoryChanges)).filter(({ body }) => body['sku'] === sku);
  const ledgerOf = (sku: string) => service.db.query<{ kind: string; delta: number }>('select kind, delta::int as delta from stock_ledger where sku = $1 order by rank', [sku]);

  it('says each level once, numbered, and nothing of what repeats a movement', async () => {
    const [count, sale] = [stock({ sku: 'once' }), stock({ sku: 'once', kind: 'sale', quantity: '-2' })];
    await service.hear(count, sale, sale, stock({ sku: 'once', kind: 'receipt', quantity: '10' }));

    await eventually(async () => expect((await levelsOf('once')).map(({ body }) => [body['seq'], body['onHand'], body['available'], body['reason']])).toEqual([['1', '50', '50', 'event'], ['2', '48', '48', 'event'], ['3', '58', '58', 'event']]));
    expect(await ledgerOf('once')).toEqual([{ kind: 'count', delta: 50 }, { kind: 'sale', delta: -2 }, { kind: 'receipt', delta: 10 }]);
  });

  it('books a late sale behind the count that already knew of it', async () => {
    await service.hear(stock({ sku: 'late', version: '1', quantity: '20' }), stock({ sku: 'late', version: '3', quantity: '12' }), stock({ sku: 'late', version: '4', kind: 'receipt', quantity: '5' }));
    await eventually(async () => expect((await levelsOf('late')).at(-1)?.body['onHand']).toBe('17'));
    await service.hear(stock({ sku: 'late', version: '2', kind: 'sale', quantity: '-6' }), stock({ sku: 'late', version: '5', kind: 'sale', quantity: '-1' }));

    await eventually(async () => expect((await levelsOf('late')).map(({ body }) => body['onHand'])).toEqual(['20', '12', '17', '16']));
    expect((await ledgerOf('late')).map(({ delta }) => delta)).toEqual([20, -6, -2, 5, -1]);
  });

  it('knows what is on its way until it is received', async () => {
    await service.hear(stock({ sku: 'coming', kind: 'expected', quantity: '30' }), stock({ sku: 'coming', kind: 'receipt', quantity: '10' }));

    await eventually(async () => expect((await levelsOf('coming')).map(({ body }) => [body['onHand'], body['incoming']])).toEqual([['0', '30'], ['10', '20']]));
  });

  const answersTo = async (orderId: string) => (await service.said(streams.inventoryReservations)).filter(({ body }) => body['orderId'] === orderId).map(({ type, body }) => `${type} ${body['ask']}`);
  const level = async (sku: string) => (await service.db.query<{ onHand: number; reserved: number }>('select on_hand::int as "onHand", reserved::int as reserved from stock_levels where sku = $1', [sku]))[0];

  it('sets all of an order aside or nothing, and answers an ask once', async () => {
    await service.hear(stock({ sku: 'cup' }), stock({ sku: 'pot', quantity: '1' }));
    await eventually(async () => expect(await level('pot')).toBeDefined());
    const all = ask('shop:all', 1, { cup: 2, pot: 1 });
    await service.hear(all, all, ask('shop:nothing', 1, { cup: 1, pot: 1 }));

    await eventually(async () => expect(await answersTo('shop:all')).toEqual(['StockReserved 1']));
    await eventually(async () => expect((await service.said(streams.inventoryReservations)).find(({ body }) => body['orderId'] === 'shop:nothing')).toMatchObject({ type: 'StockBackordered', body: { lacking: [{ sku: 'pot', wanted: '1', available: '0' }] } }));
    expect(await level('cup')).toEqual({ onHand: 50, reserved: 2 });
  });

  it('answers backorders anew when stock arrives or is given back, the oldest first', async () => {
    await service.hear(stock({ sku: 'rare', quantity: '1' }));
    await eventually(async () => expect(await level('rare')).toBeDefined());
    for (const [index, name] of ['first', 'second', 'third', 'fourth'].entries()) {
      await service.hear(ask(`shop:${name}`, 1, { rare: index === 2 ? 2 : 1 }));
      await eventually(async () => expect(await answersTo(`shop:${name}`)).toHaveLength(1));
    }
    await service.hear(ask('shop:first', 2, {}, { wants: 'release', because: 'cancelled' }));
    await eventually(async () => expect(await answersTo('shop:second')).toEqual(['StockBackordered 1', 'StockReserved 1']));
    await service.hear(stock({ sku: 'rare', kind: 'receipt', quantity: '2' }));

    await eventually(async () => expect(await answersTo('shop:third')).toEqual(['StockBackordered 1', 'StockReserved 1']));
    expect(await answersTo('shop:first')).toEqual(['StockReserved 1', 'StockReleased 2']);
    expect(await answersTo('shop:fourth')).toEqual(['StockBackordered 1']);
    await service.hear(ask('shop:second', 2, {}, { wants: 'consume', because: 'shipped' }));
    await eventually(async () => expect(await level('rare')).toEqual({ onHand: 3, reserved: 2 }));
  });

  it('gives the last 50 units to exactly 50 of 200 orders that ask at once', async () => {
    await service.hear(stock({ sku: 'last' }));
    await eventually(async () => expect(await level('last')).toBeDefined());
    const handlers = new ReservationHandlers();
    const asking = Array.from({ length: 200 }, (_, index) => {
      const { type, body } = ask(`shop:parallel-${index}`, 1, { last: 1 });
      return service.db.tx((tx) => handlers.heard(new Batch<typeof streams.ordersLines>([{ type, body, id: `id-${index}`, key: `shop:parallel-${index}`, acceptedAt: NOW } as never]), tx));
    });
    await Promise.all(asking);

    expect(await level('last')).toEqual({ onHand: 50, reserved: 50 });
    expect(await service.db.query(`select state, count(*)::int as orders from reservations where order_id like 'shop:parallel-%' group by state order by state`)).toEqual([{ state: 'backordered', orders: 150 }, { state: 'reserved', orders: 50 }]);
    expect(await service.db.query(`select sum(quantity)::int as units from reserved_lines where sku = 'last'`)).toEqual([{ units: 50 }]);
  });

  it('forgets closed alerts and ended reservations of long ago; what is open, held or in the ledger stays', async () => {
    await service.hear(stock({ sku: 'kept' }), ask('shop:K1', 1, { kept: 1 }), ask('shop:K2', 1, { kept: 1 }), ask('shop:K2', 2, {}, { wants: 'consume', because: 'shipped' }), ask('shop:K3', 1, { kept: 1 }), ask('shop:K3', 2, {}, { wants: 'release', because: 'cancelled' }));
    const states = async () => (await service.db.query<{ id: string; state: string }>(`select order_id as id, state from reservations where order_id like 'shop:K%' order by 1`)).map(({ id, state }) => [id, state]);
    await eventually(async () => expect(await states()).toEqual([['shop:K1', 'reserved'], ['shop:K2', 'consumed'], ['shop:K3', 'released']]));
    await service.db.query(`update reservations set answered_at = answered_at - 40 * 86400000::bigint where order_id in ('shop:K1', 'shop:K2')`);
    await service.db.query(
      `insert into stock_alerts (id, kind, sku, warehouse, available, threshold, evidence, opened_at, opened_reason, closed_at, closed_reason)
       select gen_random_uuid(), 'shortage', 'kept', warehouse, 1, 5, '{}', 0, 'event', closed_at, case when closed_at is null then null else 'event' end
       from (values ('old', $1::bigint - 40 * 86400000::bigint), ('young', $1), ('open', null)) as one (warehouse, closed_at)`, [NOW]);

    await new Sweeper(service.db, 31, [forgetClosed, forgetEnded]).sweep();

    expect(await states()).toEqual([['shop:K1', 'reserved'], ['shop:K3', 'released']]);
    expect((await service.db.query<{ warehouse: string }>(`select warehouse from stock_alerts where sku = 'kept' and warehouse <> 'main' order by 1`)).map(({ warehouse }) => warehouse)).toEqual(['open', 'young']);
    expect(await ledgerOf('kept')).toHaveLength(1);
    await service.hear(ask('shop:K2', 3, { kept: 2 })); // whoever comes back after all is answered
    await eventually(async () => expect(await states()).toContainEqual(['shop:K2', 'reserved']));
  });
});
