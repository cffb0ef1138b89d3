import { columnsOf, type Db, type Tx } from '@yunke/postgres';

import { paged, type Listing, type Sorted } from '../listing.js';
import { OpenBook, needed, type Book, type Booked, type Entry } from './book.js';
import { shelfKey } from './stock-chunk.js';

/** Where an entry belongs. */
export type Shelf = { readonly sku: string; readonly warehouse: string };

type Row = Shelf & {
  movementId: string; source: string; kind: Entry['kind']; quantity: number; delta: number; rank: number; acceptedAt: number; messageId: string; occurredAt: number; expectedAt: number | null; note: string | null;
};

const COLUMNS = `l.sku, l.warehouse, l.movement_id as "movementId", l.source, l.kind, l.quantity::float8 as quantity, l.delta::float8 as delta, l.rank::float8 as rank, l.accepted_at::float8 as "acceptedAt",
  l.message_id as "messageId", l.occurred_at::float8 as "occurredAt", l.expected_at::float8 as "expectedAt", l.note`;

/**
 * Opens the books that entries go into, each with what it needs of its ledger: usually nothing but the entries of the same ids.
 * Call it with the SKUs locked.
 */
export async function openBooks(tx: Tx, told: readonly (Shelf & { readonly entry: Entry })[], bookOf: (shelf: Shelf) => Book): Promise<Map<string, Shelf & { readonly open: OpenBook }>> {
  const shelves = new Map<string, Shelf & { entries: Entry[] }>();
  for (const { sku, warehouse, entry } of told) {
    const key = shelfKey({ sku, warehouse });
    (shelves.get(key) ?? shelves.set(key, { sku, warehouse, entries: [] }).get(key)!).entries.push(entry);
  }
  if (told.length === 0) return new Map();
  const known = await findKnown(tx, told);
  const needs = [...shelves.values()].map((shelf) => ({ ...shelf, known: known.get(shelfKey(shelf)) ?? new Map<string, Booked>() })).map((shelf) => ({ ...shelf, need: needed(bookOf(shelf), shelf.entries, shelf.known) }));
  const tails = await loadTails(tx, needs.flatMap(({ sku, warehouse, need }) => (need === 'nothing' ? [] : [{ sku, warehouse, ...placeColumns(need === 'all' ? undefined : need.from) }])));
  return new Map(needs.map((shelf) => {
    const tail = tails.get(shelfKey(shelf));
    const open = new OpenBook(bookOf(shelf), shelf.known, shelf.need === 'nothing' ? undefined : (tail ?? { rows: [], isWhole: true }));
    return [shelfKey(shelf), { sku: shelf.sku, warehouse: shelf.warehouse, open }];
  }));
}

const placeColumns = (place: Entry['place'] | undefined): { rank?: number; acceptedAt?: number; messageId?: string } => (place ? { rank: place[0], acceptedAt: place[1], messageId: place[2] } : {});

async function findKnown(tx: Tx, told: readonly (Shelf & { readonly entry: Entry })[]): Promise<Map<string, Map<string, Booked>>> {
  const ids = told.map(({ sku, warehouse, entry: { movementId } }) => ({ sku, warehouse, movementId }));
  const rows = await tx.query<Row>(
    `select ${COLUMNS} from stock_ledger l join unnest($1::text[], $2::text[], $3::text[]) as wanted (sku, warehouse, movement_id) using (sku, warehouse, movement_id)`, columnsOf(ids, 'sku', 'warehouse', 'movementId'));
  const known = new Map<string, Map<string, Booked>>();
  for (const row of rows) (known.get(shelfKey(row)) ?? known.set(shelfKey(row), new Map()).get(shelfKey(row))!).set(row.movementId, bookedOf(row));
  return known;
}

type TailWanted = Shelf & { readonly rank?: number; readonly acceptedAt?: number; readonly messageId?: string };

/** What follows a place, from the last count before it on; all of a book where no place is given or no such count is there. */
async function loadTails(tx: Tx, wanted: readonly TailWanted[]): Promise<Map<string, { rows: Booked[]; isWhole: boolean }>> {
  if (wanted.length === 0) return new Map();
  const rows = await tx.query<Row & { isWhole: boolean }>(
    `select ${COLUMNS}, anchor.rank is null as "isWhole"
     from unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[], $5::text[]) as w (sku, warehouse, rank, accepted_at, message_id)
     left join lateral (
       select c.rank, c.accepted_at, c.message_id from stock_ledger c
       where c.sku = w.sku and c.warehouse = w.warehouse and c.kind = 'count' and (c.rank, c.accepted_at, c.message_id) < (w.rank, w.accepted_at, w.message_id)
       order by c.rank desc, c.accepted_at desc, c.message_id desc limit 1) anchor on true
     join stock_ledger l on l.sku = w.sku and l.warehouse = w.warehouse and (anchor.rank is null or (l.rank, l.accepted_at, l.message_id) >= (anchor.rank, anchor.accepted_at, anchor.message_id))
     order by l.sku, l.warehouse, l.rank, l.accepted_at, l.message_id`, columnsOf(wanted, 'sku', 'warehouse', 'rank', 'acceptedAt', 'messageId'));
  const tails = new Map<string, { rows: Booked[]; isWhole: boolean }>();
  for (const row of rows) (tails.get(shelfKey(row)) ?? tails.set(shelfKey(row), { rows: [], isWhole: row.isWhole }).get(shelfKey(row))!).rows.push(bookedOf(row));
  return tails;
}

/** Writes the rows of these books that are new or were booked anew. */
export async function saveBooks(tx: Tx, books: Iterable<Shelf & { readonly open: OpenBook }>): Promise<void> {
  const flat = [...books].flatMap(({ sku, warehouse, open }) => open.changed().map(({ place, ...booked }) => ({ sku, warehouse, ...booked, ...placeColumns(place) })));
  if (flat.length === 0) return;
  await tx.query(
    `insert into stock_ledger (sku, warehouse, movement_id, source, kind, quantity, delta, rank, accepted_at, message_id, occurred_at, expected_at, note)
     select * from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::bigint[], $7::bigint[], $8::bigint[], $9::bigint[], $10::text[], $11::bigint[], $12::bigint[], $13::text[])
     on conflict (sku, warehouse, movement_id) do update set kind = excluded.kind, quantity = excluded.quantity, delta = excluded.delta, rank = excluded.rank, accepted_at = excluded.accepted_at,
       message_id = excluded.message_id, occurred_at = excluded.occurred_at, expected_at = excluded.expected_at, note = excluded.note`,
    columnsOf(flat, 'sku', 'warehouse', 'movementId', 'source', 'kind', 'quantity', 'delta', 'rank', 'acceptedAt', 'messageId', 'occurredAt', 'expectedAt', 'note'));
}

/** By what a ledger may be sorted: `sequence` is the order in which it is summed. */
export const LEDGER = {
  sorts: { sequence: ['l.rank', 'whole'], occurredAt: ['l.occurred_at', 'whole'], acceptedAt: ['l.accepted_at', 'whole'], quantity: ['l.quantity', 'whole'], delta: ['l.delta', 'whole'] },
  key: { acceptedAt: ['l.accepted_at', 'whole'], messageId: ['l.message_id', 'text'], movementId: ['l.movement_id', 'text'] },
} as const satisfies Listing;

export type LedgerFilter = Sorted<typeof LEDGER> & Shelf & { readonly kind?: string };

/** A page of the ledger of a shelf. */
export async function listLedger(db: Db, { sku, warehouse, kind, ...page }: LedgerFilter): Promise<Booked[]> {
  const { behind, sorted, parameters } = paged(LEDGER, page, [sku, warehouse, kind ?? null]);
  return (await db.query<Row>(`select ${COLUMNS} from stock_ledger l where l.sku = $1 and l.warehouse = $2 and ($3::text is null or l.kind = $3) and ${behind} ${sorted}`, parameters)).map(bookedOf);
}

function bookedOf({ movementId, source, kind, quantity, delta, rank, acceptedAt, messageId, occurredAt, expectedAt, note }: Row): Booked {
  return { movementId, source, kind, quantity, delta, occurredAt, place: [rank, acceptedAt, messageId], ...(expectedAt !== null && { expectedAt }), ...(note !== null && { note }) };
}
