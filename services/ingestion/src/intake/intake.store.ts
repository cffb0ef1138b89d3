import { columnsOf, type Tx } from '@yunke/postgres';
import { clockOffset, type Fault, type Millis } from '@yunke/kernel';

/** What a transaction of the door remembers of one message. */
export type Arrival = { readonly source: string; readonly messageId: string; readonly fingerprint: string };

/**
 * Remembers these messages, each once per source. Returns the business time of the database and which of them are new; rows go
 * in sorted, so that two transactions never wait for each other in a circle.
 */
export async function remember(tx: Tx, arrivals: readonly Arrival[]): Promise<{ acceptedAt: Millis; isNew: ReadonlySet<string> }> {
  const [row] = await tx.query<{ at: number; fresh: string[] | null }>(
    `with fresh as (
       insert into seen_messages (source, message_id, fingerprint, accepted_at)
       select source, message_id, fingerprint, clock_timestamp() from unnest($1::text[], $2::text[], $3::text[]) as new (source, message_id, fingerprint)
       order by source, message_id on conflict do nothing returning source, message_id)
     select floor(extract(epoch from clock_timestamp()) * 1000)::float8 as at, (select array_agg(source || ' ' || message_id) from fresh) as fresh`,
    columnsOf(arrivals, 'source', 'messageId', 'fingerprint'));
  return { acceptedAt: row!.at + clockOffset(), isNew: new Set(row!.fresh ?? []) };
}

/** The fingerprints under which messages were first heard. */
export async function fingerprintsOf(tx: Tx, arrivals: readonly Arrival[]): Promise<Map<string, string>> {
  if (arrivals.length === 0) return new Map();
  const rows = await tx.query<{ place: string; fingerprint: string }>(
    `select s.source || ' ' || s.message_id as place, s.fingerprint from seen_messages s
     join unnest($1::text[], $2::text[]) as asked (source, message_id) using (source, message_id)`, columnsOf(arrivals, 'source', 'messageId'));
  return new Map(rows.map(({ place, fingerprint }) => [place, fingerprint]));
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
