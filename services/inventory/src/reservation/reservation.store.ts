import { columnsOf, packed, packedColumn, type Db, type Tx } from '@yunke/postgres';

import { paged, type Listing, type Sorted } from '../listing.js';
import type { Reservation, SetAside } from './reservation.js';

type Row = Omit<Reservation, 'held'> & { readonly held: SetAside[] | null };

const COLUMNS = `r.order_id as "orderId", r.ask::float8 as ask, r.state, r.seq::float8 as seq, r.since::float8 as since, r.answered_at::float8 as "answeredAt", r.because, r.lines,
  (select json_agg(json_build_object('sku', l.sku, 'warehouse', l.warehouse, 'quantity', l.quantity) order by l.sku, l.warehouse) from reserved_lines l where l.order_id = r.order_id) as held`;

const reservationOf = ({ held, ...row }: Row): Reservation => ({ ...row, held: held ?? [] });

/** The reservations of these orders. They stay as they are while their SKUs are locked. */
export async function findMany(tx: Tx | Db, orderIds: readonly string[]): Promise<Reservation[]> {
  if (orderIds.length === 0) return [];
  return (await tx.query<Row>(`select ${COLUMNS} from reservations r where r.order_id = any($1)`, [orderIds])).map(reservationOf);
}

/** Every SKU that an order wants which waits for one of these: whoever may give units to such an order locks them all. */
export async function skusWaitingBeside(tx: Tx, skus: readonly string[]): Promise<string[]> {
  const rows = await tx.query<{ sku: string }>('select distinct b.sku from backorder_lines b where b.order_id in (select w.order_id from backorder_lines w where w.sku = any($1))', [skus]);
  return rows.map(({ sku }) => sku);
}

/** The backorders that these SKUs have units for, each by itself, the oldest first. `available`: units of every SKU that is locked. */
export async function fulfillable(tx: Tx, risen: readonly string[], available: readonly { readonly sku: string; readonly units: number }[], limit: number): Promise<Reservation[]> {
  const rows = await tx.query<Row>(
    `with stock as (select * from unnest($2::text[], $3::bigint[]) as stock (sku, units))
     select ${COLUMNS} from reservations r
     where r.state = 'backordered' and r.order_id in (select w.order_id from backorder_lines w where w.sku = any($1))
       and not exists (select from backorder_lines b left join stock using (sku) where b.order_id = r.order_id and b.quantity > coalesce(stock.units, 0))
     order by r.since, r.order_id limit $4`, [risen, ...columnsOf(available, 'sku', 'units'), limit]);
  return rows.map(reservationOf);
}

/** Which of these SKUs somebody waits for together with a SKU that is not among the locked ones. */
export async function waitingWithOthers(tx: Tx, risen: readonly string[], locked: readonly string[]): Promise<string[]> {
  const rows = await tx.query<{ sku: string }>(
    `select distinct w.sku from backorder_lines w where w.sku = any($1)
       and exists (select from backorder_lines b where b.order_id = w.order_id and b.sku <> all($2))`, [risen, locked]);
  return rows.map(({ sku }) => sku);
}

/** The orders that units of a SKU in a warehouse were promised to last, the newest first. */
export async function newestHolders(tx: Tx, sku: string, warehouse: string, limit: number): Promise<Reservation[]> {
  const rows = await tx.query<Row>(
    `select ${COLUMNS} from reserved_lines n join reservations r using (order_id)
     where n.sku = $1 and n.warehouse = $2 and not n.lost order by n.since desc, n.order_id desc limit $3`, [sku, warehouse, limit]);
  return rows.map(reservationOf);
}

/** Every SKU of the orders that `newestHolders` would give for the oversold shelves of these SKUs: whoever takes their units away locks them all. */
export async function findHolderSkus(tx: Tx, skus: readonly string[], limit: number): Promise<string[]> {
  const rows = await tx.query<{ sku: string }>(
    `select distinct l.sku from stock_levels v
     cross join lateral (select n.order_id from reserved_lines n where n.sku = v.sku and n.warehouse = v.warehouse and not n.lost order by n.since desc, n.order_id desc limit $2) holder
     join reserved_lines l using (order_id) where v.sku = any($1) and v.oversold_since is not null`, [skus, limit]);
  return rows.map(({ sku }) => sku);
}

/** Writes reservations with what is set aside for them and what they wait for. */
export async function saveReservations(tx: Tx, reservations: readonly Reservation[]): Promise<void> {
  if (reservations.length === 0) return;
  const rows = [...reservations].sort((a, b) => (a.orderId < b.orderId ? -1 : 1));
  await tx.query(
    `insert into reservations (order_id, ask, state, seq, since, answered_at, because, lines)
     select * from unnest($1::text[], $2::bigint[], $3::text[], $4::bigint[], $5::bigint[], $6::bigint[], $7::text[], ${packed('$8', 'json')})
     on conflict (order_id) do update set ask = excluded.ask, state = excluded.state, seq = excluded.seq, since = excluded.since, answered_at = excluded.answered_at,
       because = excluded.because, lines = excluded.lines`,
    [...columnsOf(rows, 'orderId', 'ask', 'state', 'seq', 'since', 'answeredAt', 'because'), packedColumn(rows, 'lines')]);
  const ids = rows.map(({ orderId }) => orderId);
  const held = rows.flatMap(({ orderId, answeredAt, state, held: units }) => units.map((one) => ({ ...one, orderId, answeredAt, lost: state === 'lost' })));
  await tx.query('delete from reserved_lines where order_id = any($1)', [ids]);
  if (held.length > 0) {
    await tx.query('insert into reserved_lines (order_id, sku, warehouse, quantity, since, lost) select * from unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::bigint[], $6::boolean[])',
      columnsOf(held, 'orderId', 'sku', 'warehouse', 'quantity', 'answeredAt', 'lost'));
  }
  const waiting = rows.filter(({ state }) => state === 'backordered').flatMap(({ orderId, lines }) => lines.map((line) => ({ ...line, orderId })));
  await tx.query('delete from backorder_lines where order_id = any($1)', [ids]);
  if (waiting.length > 0) await tx.query('insert into backorder_lines (order_id, sku, quantity) select * from unnest($1::text[], $2::text[], $3::bigint[])', columnsOf(waiting, 'orderId', 'sku', 'quantity'));
}

/** Forgets a slice of the reservations that orders ended before an instant; they hold nothing. Returns how many. */
export async function forgetEnded(tx: Tx, before: number, limit: number): Promise<number> {
  const gone = await tx.query(
    `delete from reservations where order_id in (
       select order_id from reservations where state in ('released', 'consumed') and answered_at < $1 order by answered_at limit $2 for update skip locked) returning order_id`, [before, limit]);
  return gone.length;
}

/** By what reservations may be sorted. */
export const RESERVATIONS = {
  sorts: { since: ['r.since', 'whole'], answeredAt: ['r.answered_at', 'whole'], orderId: ['r.order_id', 'text'] },
  key: { orderId: ['r.order_id', 'text'] },
} as const satisfies Listing;

export type ReservationFilter = Sorted<typeof RESERVATIONS> & { readonly state?: string; readonly sku?: string };

/** A page of reservations. */
export async function listReservations(db: Db, { state, sku, ...page }: ReservationFilter): Promise<Reservation[]> {
  const { behind, sorted, parameters } = paged(RESERVATIONS, page, [state ?? null, sku ?? null]);
  const rows = await db.query<Row>(
    `select ${COLUMNS} from reservations r
     where ($1::text is null or r.state = $1)
       and ($2::text is null or r.order_id in (select order_id from reserved_lines where sku = $2 union all select order_id from backorder_lines where sku = $2)) and ${behind} ${sorted}`, parameters);
  return rows.map(reservationOf);
}
