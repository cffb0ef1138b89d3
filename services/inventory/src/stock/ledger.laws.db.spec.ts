import fc from 'fast-check';

import { streams, type Messages } from '@yunke/contracts';
import { Batch } from '@yunke/events';
import { iso } from '@yunke/kernel';
import { serviceUnderTest, type ServiceUnderTest } from '@yunke/testing';

import { inventory } from '../inventory.module.js';
import { StockHandlers } from './stock.handlers.js';

const START = Date.parse('2026-03-01T00:00:00.000Z');
const KINDS = ['count', 'receipt', 'sale', 'return', 'adjustment', 'transfer', 'expected'] as const;
const SKUS = 250;

type Observed = Messages['StockObserved'];

const words = fc.record({ id: fc.nat({ max: 7 }), kind: fc.constantFrom(...KINDS), quantity: fc.integer({ min: -9, max: 9 }), occurred: fc.nat({ max: 9 }), version: fc.nat({ max: 9 }), source: fc.nat({ max: 1 }) });
const histories = fc.record({ versioned: fc.boolean(), sources: fc.constantFrom(['erp'], ['erp'], ['erp', 'till']), told: fc.array(words, { minLength: 1, maxLength: 12 }) });

/** Many SKUs at once: each with a history of its own, told in an order of its own. */
function observations(seed: number): Observed[] {
  return fc.sample(histories, { numRuns: SKUS, seed }).flatMap(({ versioned, sources, told }, sku) => told.map(({ id, kind, quantity, occurred, version, source }, accepted): Observed => {
    const name = sources[source % sources.length]!;
    return {
      source: name, messageId: `s${sku}-m${accepted}`, movementId: `${name}:${id}`, sku: `s${seed}-${sku}`, warehouse: 'main', kind, quantity: String(quantity), occurredAt: iso(START + occurred), acceptedAt: iso(START + 100 + accepted),
      history: true, verified: true, ...(versioned && { version: String(version) }),
    };
  }));
}

/** The levels, read from the observations alone by SQL: the first told of each movement, in sequence; what follows the last count adds to it. */
const ORACLE = `
  with told as (select o->>'sku' as sku, o->>'source' as source, o->>'kind' as kind, (o->>'quantity')::int as quantity, o->>'movementId' as movement, (o->>'acceptedAt')::timestamptz as accepted,
                  (o->>'occurredAt')::timestamptz as occurred, (o->>'version')::int as version from json_array_elements($1::json) o),
       first as (select distinct on (sku, movement) * from told order by sku, movement, accepted),
       ranked as (select *, row_number() over (partition by sku order by case when count_sources > 1 or version is null then extract(epoch from occurred) else version end, accepted) as place
                  from first join (select sku, count(distinct source) as count_sources from first group by sku) s using (sku)),
       counted as (select sku, max(place) filter (where kind = 'count') as place from ranked group by sku)
  select sku, (coalesce(sum(quantity) filter (where r.place = c.place), 0) + coalesce(sum(quantity) filter (where kind not in ('count', 'expected') and r.place > coalesce(c.place, 0)), 0))::int as "onHand"
  from ranked r join counted c using (sku) group by sku order by sku collate "C"`;

describe('the ledger in the database', () => {
  let service: ServiceUnderTest;
  beforeAll(async () => { service = await serviceUnderTest(inventory); });
  afterAll(() => service.stop());

  async function hear(told: readonly Observed[]): Promise<void> {
    const records = told.map((body, index) => ({ type: 'StockObserved' as const, body, id: `${body.messageId}-${index}`, key: body.sku, acceptedAt: Date.parse(body.acceptedAt) }));
    await service.db.tx((tx) => new StockHandlers().heard(new Batch<typeof streams.stockObservations>(records), tx));
  }

  it.each([1, 2, 3])('sums to the level that plain SQL reads from the observations, whatever the order, the chunks and the repeats (%p)', async (seed) => {
    const told = observations(seed);
    const [places] = fc.sample(fc.array(fc.nat(), { minLength: told.length, maxLength: told.length }), { numRuns: 1, seed });
    const shuffled = told.map((body, index) => ({ body, place: places![index]! })).sort((a, b) => a.place - b.place).map(({ body }) => body);
    const all = [...shuffled, ...shuffled.slice(0, 200)];
    for (let from = 0, size = 1; from < all.length; from += size, size = Math.min(400, size * 3)) await hear(all.slice(from, from + size));

    const levels = await service.db.query(`select sku, on_hand::int as "onHand" from stock_levels where sku like 's${seed}-%' order by sku`);
    expect(levels).toHaveLength(SKUS);
    expect(levels).toEqual(await service.db.query(ORACLE, [JSON.stringify(told)]));
    expect(await service.db.query(`select v.sku from stock_levels v left join (select sku, warehouse, sum(delta) as level from stock_ledger group by sku, warehouse) l using (sku, warehouse) where v.on_hand <> coalesce(l.level, 0)`)).toEqual([]);
  }, 120_000);

  it('takes a thousand records in a chunk without a statement a record', async () => {
    const told = Array.from({ length: 1_000 }, (_, index): Observed => ({
      source: 'erp', messageId: `b${index}`, movementId: `erp:b${index}`, sku: `bulk-${index % 300}`, warehouse: 'main', kind: index < 300 ? 'count' : 'sale', quantity: String(index < 300 ? 100 : -1),
      occurredAt: iso(START + index), acceptedAt: iso(START + index), history: false, verified: true,
    }));
    let statements = 0;
    const records = told.map((body) => ({ type: 'StockObserved' as const, body, id: body.messageId, key: body.sku, acceptedAt: Date.parse(body.acceptedAt) }));
    await service.db.tx(async (tx) => {
      const query = tx.query.bind(tx);
      Object.assign(tx, { query: (sql: string, params?: unknown[]) => (statements += 1, query(sql, params)) });
      await new StockHandlers().heard(new Batch<typeof streams.stockObservations>(records), tx);
    });

    expect(statements).toBeLessThan(25);
    expect(await service.db.query(`select sum(on_hand)::int as units from stock_levels where sku like 'bulk-%'`)).toEqual([{ units: 30_000 - 700 }]);
  });
});
