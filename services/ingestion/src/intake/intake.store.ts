import { columnsOf, packed, packedColumn, type Tx } from '@yunke/postgres';
import { clockOffset, type Fault, type Millis } from '@yunke/kernel';

/** What a transaction of the door remembers of one message: its name, `<source> <message id>`, and what it says. */
export type Arrival = { readonly message: string; readonly fingerprint: string };

/**
 * Remembers these messages, each name once. Returns the business time of the database and the names that it had heard before;
 * rows go in sorted, so that two transactions never wait for each other in a circle.
 */
export async function remember(tx: Tx, arrivals: readonly Arrival[]): Promise<{ acceptedAt: Millis; repeated: string[] }> {
  const [row] = await tx.query<{ at: number; count: number; fresh: string }>(
    `with fresh as (
       insert into seen_messages (message, fingerprint, accepted_at)
       select unnest(${packed('$1', 'text')}) as message, unnest(${packed('$2', 'text')}), clock_timestamp()
       order by message on conflict do nothing returning message)
     select floor(extract(epoch from clock_timestamp()) * 1000)::float8 as at, count(*)::int as count, coalesce(string_agg(message, E'\\n'), '') as fresh from fresh`,
    [packedColumn(arrivals, 'message'), packedColumn(arrivals, 'fingerprint')]);
  return { acceptedAt: row!.at + clockOffset(), repeated: row!.count === arrivals.length ? [] : without(row!.fresh.split('\n'), arrivals) };
}

function without(fresh: readonly string[], arrivals: readonly Arrival[]): string[] {
  const isNew = new Set(fresh);
  return arrivals.map(({ message }) => message).filter((message) => !isNew.has(message));
}

/** The fingerprints under which messages were first heard, by name. */
export async function fingerprintsOf(tx: Tx, messages: readonly string[]): Promise<Map<string, string>> {
  if (messages.length === 0) return new Map();
  const rows = await tx.query<Arrival>('select message, fingerprint from seen_messages where message = any ($1)', [messages]);
  return new Map(rows.map(({ message, fingerprint }) => [message, fingerprint]));
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
