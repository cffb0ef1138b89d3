import { columnsOf, packed, packedColumn, sorted, type Tx } from '@yunke/postgres';

import { incomingOf, type Book } from './book.js';
import type { Level } from './level.js';
import { StockChunk, type Sku } from './stock-chunk.js';

type LevelRow = { sku: string; warehouse: string; reserved: number; lost: number; book: Book; oversoldSince: number | null };

/**
 * Locks SKUs, in key order, and loads their levels: rows that are missing are made before any is locked. Until the transaction
 * ends nobody else changes a level, a reservation, a backorder or an alert of these SKUs.
 */
export async function openStock(tx: Tx, wanted: Iterable<string>): Promise<StockChunk> {
  const ids = sorted(wanted);
  await tx.query(
    `insert into skus (sku) select sku from unnest($1::text[]) as wanted (sku)
     where not exists (select from skus s where s.sku = wanted.sku) order by sku on conflict do nothing`, [ids]);
  const skus = await tx.query<Sku>('select sku, seq::float8 as seq from skus where sku = any($1) order by sku for update', [ids]);
  const levels = await tx.query<LevelRow>(
    'select sku, warehouse, reserved::float8 as reserved, lost::float8 as lost, book, oversold_since::float8 as "oversoldSince" from stock_levels where sku = any($1) order by sku, warehouse', [ids]);
  return new StockChunk(new Map(skus.map((sku) => [sku.sku, sku])), levels.map(levelOf));
}

function levelOf({ oversoldSince, ...row }: LevelRow): Level {
  return { ...row, ...(oversoldSince !== null && { oversoldSince }) };
}

/** Writes the levels that were touched, and the numbers of what was said. */
export async function saveStock(tx: Tx, chunk: StockChunk): Promise<void> {
  const { levels, skus } = chunk.touched();
  if (levels.length === 0) return;
  const rows = levels.map((level) => ({ ...level, onHand: level.book.onHand, incoming: incomingOf(level.book) }));
  await tx.query(
    `insert into stock_levels (sku, warehouse, on_hand, reserved, incoming, lost, oversold_since, book)
     select * from unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[], ${packed('$8', 'json')})
     on conflict (sku, warehouse) do update set on_hand = excluded.on_hand, reserved = excluded.reserved, incoming = excluded.incoming, lost = excluded.lost,
       oversold_since = excluded.oversold_since, book = excluded.book`,
    [...columnsOf(rows, 'sku', 'warehouse', 'onHand', 'reserved', 'incoming', 'lost', 'oversoldSince'), packedColumn(rows, 'book')]);
  await tx.query('update skus set seq = new.seq from unnest($1::text[], $2::bigint[]) as new (sku, seq) where skus.sku = new.sku and skus.seq <> new.seq', columnsOf(skus, 'sku', 'seq'));
}
