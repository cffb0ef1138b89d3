import { columnsOf, packed, packedTexts, type Tx } from '@yunke/postgres';
import { clockOffset, type Fault, type Millis } from '@yunke/kernel';

/** A message under its name, `<source> <message id>`, and what it says, in short. */
export type Arrival = { readonly name: string; readonly item: { readonly fingerprint: string } };

/**
 * Remembers these messages; of several with one name the first. Returns the business time of the database and how many it had not
 * heard before; rows go in sorted, so that two transactions never wait for each other in a circle.
 */
export async function remember(tx: Tx, arrivals: readonly Arrival[]): Promise<{ acceptedAt: Millis; fresh: number }> {
  const [row] = await tx.query<{ at: number; fresh: number }>(
    `with fresh as (
       insert into seen_messages (message, fingerprint, accepted_at)
       select message, fingerprint, clock_timestamp() from unnest(${packed('$1', 'text')}, ${packed('$2', 'text')}) with ordinality as new (message, fingerprint, n)
       order by message collate "C", n on conflict do nothing returning 1)
     select floor(extract(epoch from clock_timestamp()) * 1000)::float8 as at, count(*)::int as fresh from fresh`,
    [packedTexts(arrivals.map(({ name }) => name)), packedTexts(arrivals.map(({ item }) => item.fingerprint))]);
  return { acceptedAt: row!.at + clockOffset(), fresh: row!.fresh };
}

/** Those that an earlier transaction remembered, by name: their rows do not carry this one's number. */
export async function heardBefore(tx: Tx, arrivals: readonly Arrival[]): Promise<Map<string, Arrival['item']>> {
  const rows = await tx.query<{ message: string; fingerprint: string }>('select message, fingerprint from seen_messages where message = any ($1) and xmin <> pg_current_xact_id()::xid', [arrivals.map(({ name }) => name)]);
  return new Map(rows.map((row) => [row.message, row]));
}

export type Refused = { readonly source: string; readonly kind: string; readonly messageId: string | undefined; readonly dialect: string; readonly raw: () => unknown; readonly code: string; readonly faults: readonly Fault[] };

export async function quarantine(tx: Tx, refused: readonly Refused[]): Promise<void> {
  if (refused.length === 0) return;
  const rows = refused.map((one) => ({ ...one, raw: JSON.stringify(one.raw() ?? null), faults: JSON.stringify(one.faults) }));
  await tx.query(
    `insert into quarantine (source, kind, message_id, dialect, raw, code, faults, received_at)
     select source, kind, message_id, dialect, raw, code, faults, clock_timestamp()
     from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::json[], $6::text[], $7::json[]) as new (source, kind, message_id, dialect, raw, code, faults)`,
    columnsOf(rows, 'source', 'kind', 'messageId', 'dialect', 'raw', 'code', 'faults'));
}

/** In how many steps, of one a second, the sweep comes by every page of the table: in six hours. */
const STEPS = 6 * 3_600;

/**
 * Forgets the message ids older than seven days in some pages of the table; an index of their ages would cost every message more.
 * From anywhere at first, so that it comes by everything however often it begins anew. Returns the page to go on from.
 */
export async function sweep(tx: Tx, from?: number): Promise<number> {
  const [table] = await tx.query<{ pages: number }>(`select (pg_relation_size('seen_messages') / current_setting('block_size')::int)::int as pages`);
  const first = from ?? Math.floor(Math.random() * table!.pages);
  const end = first + Math.ceil(table!.pages / STEPS);
  await tx.query(`delete from seen_messages where ctid >= $1::tid and ctid < $2::tid and accepted_at < clock_timestamp() - interval '7 days'`, [`(${first},0)`, `(${end},0)`]);
  return end < table!.pages ? end : 0;
}
