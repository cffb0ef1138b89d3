import fc from 'fast-check';

import { streams, type Messages } from '@yunke/contracts';
import { Batch } from '@yunke/events';
import { iso } from '@yunke/kernel';
import { isTransient } from '@yunke/postgres';
import { eventually, serviceUnderTest, type ServiceUnderTest } from '@yunke/testing';

import { inventory } from '../inventory.module.js';
import { StockHandlers } from '../stock/stock.handlers.js';
import { ReservationHandlers } from './reservation.handlers.js';

const NOW = Date.now();
const SKUS = ['a', 'b', 'c', 'd', 'e'];
const WAREHOUSES = ['east', 'main'];

type Step = { readonly order: number; readonly wants: 'reserve' | 'release'; readonly units: Readonly<Record<string, number>> } | { readonly sku: string; readonly warehouse: string; readonly receipt: number };

/** Orders that want several SKUs and arrivals of stock, in lanes that run at once, as partitions do. */
const lanes = fc.array(fc.array(fc.oneof(
  { weight: 3, arbitrary: fc.record({ order: fc.nat({ max: 9 }), wants: fc.constantFrom('reserve' as const, 'reserve' as const, 'reserve' as const, 'release' as const), units: fc.dictionary(fc.constantFrom(...SKUS), fc.integer({ min: 1, max: 4 }), { minKeys: 1, maxKeys: 4 }) }) },
  { weight: 2, arbitrary: fc.record({ sku: fc.constantFrom(...SKUS), warehouse: fc.constantFrom(...WAREHOUSES), receipt: fc.integer({ min: 1, max: 5 }) }) },
), { minLength: 30, maxLength: 30 }), { minLength: 6, maxLength: 6 });

describe('reservations that are asked for at once', () => {
  let service: ServiceUnderTest;
  beforeAll(async () => { service = await serviceUnderTest(inventory); });
  afterAll(() => service.stop());

  /** As the listener does: what an outage or a race stopped is tried again. */
  async function untilDone(work: () => Promise<void>): Promise<void> {
    for (;;) {
      try {
        return await work();
      } catch (error) {
        if (!isTransient(error)) throw error;
      }
    }
  }

  async function take(seed: number, lane: number, step: Step, asks: Map<number, number>): Promise<void> {
    const id = crypto.randomUUID();
    const at = iso(NOW + asks.size);
    if ('receipt' in step) {
      const sku = `${seed}-${step.sku}`;
      const body: Messages['StockObserved'] = { source: 'erp', messageId: id, movementId: `erp:${id}`, sku, warehouse: step.warehouse, kind: 'receipt', quantity: String(step.receipt), occurredAt: at, acceptedAt: at, history: false, verified: true };
      return untilDone(() => service.db.tx((tx) => new StockHandlers().heard(new Batch<typeof streams.stockObservations>([{ type: 'StockObserved', body, id, key: sku, acceptedAt: NOW }]), tx)));
    }
    const orderId = `shop:${seed}-${lane}-${step.order}`;
    const ask = (asks.get(step.order) ?? 0) + 1;
    asks.set(step.order, ask);
    const lines = step.wants === 'reserve' ? Object.entries(step.units).map(([sku, quantity]) => ({ sku: `${seed}-${sku}`, quantity: String(quantity) })) : [];
    const body: Messages['ReservationAsked'] = { orderId, ask: String(ask), effectiveAt: at, acceptedAt: at, reason: 'event', cause: id, wants: step.wants, because: 'paid', lines };
    return untilDone(() => service.db.tx((tx) => new ReservationHandlers().heard(new Batch<typeof streams.ordersLines>([{ type: 'ReservationAsked', body, id, key: orderId, acceptedAt: NOW }] as never), tx)));
  }

  it.each([1, 2, 3])('never promise more than there is, and leave nobody waiting for what is there (%p)', async (seed) => {
    const [history] = fc.sample(lanes, { numRuns: 1, seed });
    await Promise.all(history!.map(async (steps, lane) => {
      const asks = new Map<number, number>();
      for (const step of steps) await take(seed, lane, step, asks);
    }));

    await eventually(async () => expect(await service.db.query(`select 1 from timers where kind = 'restock'`)).toEqual([]));
    const mine = `like '${seed}-%'`;
    expect(await service.db.query(`select sku from stock_levels where sku ${mine} and available < 0`)).toEqual([]);
    expect(await service.db.query(`select sku from stock_levels v where sku ${mine} and reserved <> (select coalesce(sum(quantity), 0) from reserved_lines l where l.sku = v.sku and l.warehouse = v.warehouse)`)).toEqual([]);
    expect(await service.db.query(`
      select r.order_id from reservations r, json_to_recordset(r.lines) as w (sku text, quantity int)
      where r.order_id like 'shop:${seed}-%' and r.state = 'reserved' and w.quantity <> (select coalesce(sum(l.quantity), 0) from reserved_lines l where l.order_id = r.order_id and l.sku = w.sku)`)).toEqual([]);
    expect(await service.db.query(`select order_id from reserved_lines l join reservations r using (order_id) where r.state not in ('reserved', 'lost')`)).toEqual([]);
    const waiting = await service.db.query<{ order_id: string; suffices: boolean }>(`
      select r.order_id, bool_and(w.quantity <= (select coalesce(sum(greatest(available, 0)), 0) from stock_levels v where v.sku = w.sku)) as suffices
      from reservations r, json_to_recordset(r.lines) as w (sku text, quantity int) where r.state = 'backordered' and r.order_id like 'shop:${seed}-%' group by r.order_id`);
    expect(waiting.length).toBeGreaterThan(0);
    expect(waiting.filter(({ suffices }) => suffices)).toEqual([]);
  }, 120_000);
});
