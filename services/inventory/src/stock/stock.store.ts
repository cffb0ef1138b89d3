import { columnsOf, packed, packedColumn, sorted, type Db, type Tx } from '@yunke/postgres';

import type { Plan } from '../demand/plan.js';
import { paged, type Listing, type Sorted } from '../listing.js';
import { incomingOf, type Book } from './book.js';
import type { Level } from './level.js';
import { StockChunk } from './stock-chunk.js';

type SkuRow = { sku: string; seq: number; plan: Plan | null; planAt: number | null };
type LevelRow = { sku: string; warehouse: string; reserved: number; lost: number; book: Book; oversoldSince: number | null; isLive: boolean };

/**
 * Locks SKUs, in key order, and loads their levels: rows that are missing are made before any is locked. Until the transaction
 * ends nobody else changes a level, a reservation, a backorder or an alert of these SKUs.
 */
export async function openStock(tx: Tx, wanted: Iterable<string>): Promise<StockChunk> {
  const ids = sorted(wanted);
  await tx.query(
    `insert into skus (sku) select sku from unnest($1::text[]) as wanted (sku)
     where not exists (select from skus s where s.sku = wanted.sku) order by sku on conflict do nothing`, [ids]);
  const skus = await tx.query<SkuRow>('select sku, seq::float8 as seq, plan, plan_at::float8 as "planAt" from skus where sku = any($1) order by sku for update', [ids]);
  const levels = await tx.query<LevelRow>(
    'select sku, warehouse, reserved::float8 as reserved, lost::float8 as lost, book, oversold_since::float8 as "oversoldSince", is_live as "isLive" from stock_levels where sku = any($1) order by sku, warehouse', [ids]);
  return new StockChunk(new Map(skus.map(({ plan, planAt, ...sku }) => [sku.sku, { ...sku, ...(plan && { plan }), ...(planAt !== null && { planAt }) }])), levels.map(levelOf));
}

function levelOf({ oversoldSince, ...row }: LevelRow): Level {
  return { ...row, ...(oversoldSince !== null && { oversoldSince }) };
}

/** Writes the levels that were touched, and the SKUs that changed. */
export async function saveStock(tx: Tx, chunk: StockChunk): Promise<void> {
  const { levels, skus } = chunk.touched();
  if (levels.length > 0) {
    const rows = levels.map((level) => ({ ...level, onHand: level.book.onHand, incoming: incomingOf(level.book) }));
    await tx.query(
      `insert into stock_levels (sku, warehouse, on_hand, reserved, incoming, lost, oversold_since, is_live, book)
       select * from unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[], $8::boolean[], ${packed('$9', 'json')})
       on conflict (sku, warehouse) do update set on_hand = excluded.on_hand, reserved = excluded.reserved, incoming = excluded.incoming, lost = excluded.lost,
         oversold_since = excluded.oversold_since, is_live = excluded.is_live, book = excluded.book`,
      [...columnsOf(rows, 'sku', 'warehouse', 'onHand', 'reserved', 'incoming', 'lost', 'oversoldSince', 'isLive'), packedColumn(rows, 'book')]);
  }
  if (skus.length > 0) {
    await tx.query('update skus set seq = new.seq, plan = new.plan::json, plan_at = new.plan_at from unnest($1::text[], $2::bigint[], $3::text[], $4::bigint[]) as new (sku, seq, plan, plan_at) where skus.sku = new.sku',
      columnsOf(skus, 'sku', 'seq', 'plan', 'planAt'));
  }
}

/** A level as people read it. */
export type LevelView = { readonly sku: string; readonly warehouse: string; readonly onHand: number; readonly reserved: number; readonly available: number; readonly incoming: number };

/** By what levels may be sorted; each has an index or is one of few rows. */
export const LEVELS = {
  sorts: { sku: ['sku', 'text'], available: ['available', 'whole'], onHand: ['on_hand', 'whole'], reserved: ['reserved', 'whole'], incoming: ['incoming', 'whole'] },
  key: { sku: ['sku', 'text'], warehouse: ['warehouse', 'text'] },
} as const satisfies Listing;

export type LevelFilter = Sorted<typeof LEVELS> & { readonly sku?: string; readonly warehouse?: string; readonly availableBelow?: number };

/** A page of levels. */
export function listLevels(db: Db, { sku, warehouse, availableBelow, ...page }: LevelFilter): Promise<LevelView[]> {
  const { behind, sorted: by, parameters } = paged(LEVELS, page, [sku ?? null, warehouse ?? null, availableBelow ?? null]);
  return db.query<LevelView>(
    `select sku, warehouse, on_hand::float8 as "onHand", reserved::float8 as reserved, available::float8 as available, incoming::float8 as incoming from stock_levels
     where ($1::text is null or sku = $1) and ($2::text is null or warehouse = $2) and ($3::bigint is null or available < $3) and ${behind} ${by}`, parameters);
}
