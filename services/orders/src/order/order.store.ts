import { byKey, columnsOf, packed, packedColumn, requireInserted, sorted, type Db, type Tx } from '@yunke/postgres';

import { stateOf, unknownOrder, type Order } from './order.js';

/** Orders with the rows they came from: what is not there yet is inserted by `saveMany`. */
export type Locked = { readonly orders: Map<string, Order>; readonly isNew: ReadonlySet<string> };

type Row = { id: string; state: Order };

/** The orders of these ids; those that exist are locked, in key order. */
export async function lockMany(tx: Tx, ids: readonly string[]): Promise<Locked> {
  const found = byKey(await tx.query<Row>('select id, state from orders where id = any($1) order by id for update', [sorted(ids)]), ({ id }) => id);
  return { orders: new Map(ids.map((id) => [id, found.get(id)?.state ?? unknownOrder(id)])), isNew: new Set(ids.filter((id) => !found.has(id))) };
}

/** Saves the touched orders. @throws row.raced when another transaction made one of the new ones first. */
export async function saveMany(tx: Tx, { isNew }: Locked, orders: readonly Order[]): Promise<void> {
  const rows = orders.map(rowOf).sort((a, b) => (a.id < b.id ? -1 : 1));
  const [added, changed] = [rows.filter(({ id }) => isNew.has(id)), rows.filter(({ id }) => !isNew.has(id))];
  if (added.length > 0) requireInserted(await tx.query(`insert into orders (${COLUMNS.join(', ')}) select * from ${UNNEST} on conflict (id) do nothing returning 1`, parameters(added)), added.length);
  if (changed.length > 0) {
    await tx.query(
      `update orders set state = new.state, subject = new.subject, status = new.status, placed_at = new.placed_at, currency = new.currency, total_minor = new.total_minor, refunded_minor = new.refunded_minor
       from ${UNNEST} as new (${COLUMNS.join(', ')}) where orders.id = new.id`, parameters(changed));
  }
}

const PLAIN = ['id', 'subject', 'status', 'placed_at', 'currency', 'total_minor', 'refunded_minor'] as const;
const COLUMNS = [...PLAIN, 'state'] as const;
const UNNEST = `unnest($1::text[], $2::text[], $3::text[], $4::timestamptz[], $5::text[], $6::bigint[], $7::bigint[], ${packed('$8', 'json')})`;
const parameters = (rows: readonly OrderRow[]): unknown[] => [...columnsOf(rows, ...PLAIN), packedColumn(rows, 'state')];

type OrderRow = Record<(typeof COLUMNS)[number], unknown> & { id: string };

function rowOf(order: Order): OrderRow {
  const state = stateOf(order);
  return { id: order.id, state: order, subject: state.subject, status: state.status, placed_at: state.placedAt, currency: state.currency, total_minor: state.totalMinor, refunded_minor: state.refundedMinor };
}

export type OrderFilter = { readonly subject?: string; readonly status?: string; readonly limit: number; readonly after?: { readonly placedAt: string; readonly id: string } };

/** A page of orders, the latest placed first. */
export async function list(db: Db, { subject, status, limit, after }: OrderFilter): Promise<Order[]> {
  const rows = await db.query<Row>(
    `select id, state from orders
     where ($1::text is null or subject = $1) and ($2::text is null or status = $2)
       and ($3::timestamptz is null or (coalesce(placed_at, '-infinity'), id) < ($3, $4))
     order by coalesce(placed_at, '-infinity') desc, id desc limit $5`, [subject ?? null, status ?? null, after?.placedAt ?? null, after?.id ?? '', limit]);
  return rows.map(({ state }) => state);
}

export async function find(db: Db, id: string): Promise<Order | undefined> {
  const [row] = await db.query<Row>('select id, state from orders where id = $1', [id]);
  return row?.state;
}

export type OrderCounts = { readonly orders: number; readonly unattributed: number; readonly returns: number; readonly unattributedReturns: number };

/** How many orders and returns there are, of one source or of all, and how many of them name nobody. */
export async function count(db: Db, source: string | undefined): Promise<OrderCounts> {
  const [row] = await db.query<OrderCounts>(
    `select (select count(*)::int from orders where starts_with(id, $1)) as orders, (select count(*)::int from orders where starts_with(id, $1) and subject = '') as unattributed,
       (select count(*)::int from returns where starts_with(id, $1)) as returns, (select count(*)::int from returns where starts_with(id, $1) and subject = '') as "unattributedReturns"`,
    [source === undefined ? '' : `${source}:`]);
  return row!;
}
