import { columnsOf, packed, packedColumn, packedTexts, type Tx } from '@yunke/postgres';
import { clockOffset, type Fault, type Millis } from '@yunke/kernel';

/** What a message says, in short. */
type Remembered = { readonly fingerprint: string };

/**
 * Remembers these messages, by their names, `<source> <message id>`. Returns the business time of the database and those that it
 * had heard before; rows go in sorted, so that two transactions never wait for each other in a circle.
 */
export async function remember(tx: Tx, messages: ReadonlyMap<string, Remembered>): Promise<{ acceptedAt: Millis; known: Map<string, Remembered> }> {
  const names = [...messages.keys()];
  const [row] = await tx.query<{ at: number; fresh: number }>(
    `with fresh as (
       insert into seen_messages (message, fingerprint, accepted_at)
       select unnest(${packed('$1', 'text')}) as message, unnest(${packed('$2', 'text')}), clock_timestamp()
       order by message on conflict do nothing returning 1)
     select floor(extract(epoch from clock_timestamp()) * 1000)::float8 as at, count(*)::int as fresh from fresh`,
    [packedTexts(names), packedColumn([...messages.values()], 'fingerprint')]);
  return { acceptedAt: row!.at + clockOffset(), known: row!.fresh === names.length ? new Map() : await knownBefore(tx, names) };
}

/** Those that an earlier transaction remembered: their rows do not carry this one's number. */
async function knownBefore(tx: Tx, names: readonly string[]): Promise<Map<string, Remembered>> {
  const rows = await tx.query<{ message: string } & Remembered>('select message, fingerprint from seen_messages where message = any ($1) and xmin <> pg_current_xact_id()::xid', [names]);
  return new Map(rows.map((row) => [row.message, row]));
}

export type Refused = { readonly source: string; readonly kind: string; readonly messageId: string | undefined; readonly dialect: string; readonly raw: unknown; readonly code: string; readonly faults: readonly Fault[] };

export async function quarantine(tx: Tx, refused: readonly Refused[]): Promise<void> {
  if (refused.length === 0) return;
  const rows = refused.map((one) => ({ ...one, raw: JSON.stringify(one.raw ?? null), faults: JSON.stringify(one.faults) }));
  await tx.query(
    `insert into quarantine (source, kind, message_id, dialect, raw, code, faults, received_at)
     select source, kind, message_id, dialect, raw, code, faults, clock_timestamp()
     from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::json[], $6::text[], $7::json[]) as new (source, kind, message_id, dialect, raw, code, faults)`,
    columnsOf(rows, 'source', 'kind', 'messageId', 'dialect', 'raw', 'code', 'faults'));
}

/** Forgets message ids older than seven days, a slice at a time. Returns how many. */
export async function sweep(tx: Tx): Promise<number> {
  const gone = await tx.query(`delete from seen_messages where ctid = any (array(select ctid from seen_messages where accepted_at < clock_timestamp() - interval '7 days' limit 5000)) returning 1`);
  return gone.length;
}
