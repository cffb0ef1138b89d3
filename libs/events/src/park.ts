import { hash } from 'node:crypto';

import { Problem } from '@yunke/kernel';
import { columnsOf, type Db, type Tx } from '@yunke/postgres';

import type { LogRecord } from './log.js';

export type Place = { readonly topic: string; readonly partition: number };

export type ParkedKey = Place & { readonly key: string; readonly code: string; readonly message: string; readonly since: string; readonly records: number };

/** A key that a column and its index take: ours all are. */
const PLAIN_KEY = /^[^\0]{1,200}$/su;

/** The key under which a record is parked. Garbage stands for itself: without a key by its offset, with one that no index takes by its digest. */
export const parkingKey = ({ key, offset }: LogRecord): string =>
  key === null ? `offset:${offset}` : PLAIN_KEY.test(key) ? key : `digest:${hash('sha256', key, 'hex')}`;

/** Which of these keys are parked: their later records must wait behind the first, or they would overtake it. */
export async function parkedAmong(tx: Tx, { topic, partition }: Place, keys: string[]): Promise<Set<string>> {
  const rows = await tx.query<{ key: string }>('select key from parked_key where topic = $1 and partition = $2 and key = any($3)', [topic, partition, keys]);
  return new Set(rows.map(({ key }) => key));
}

/** Parks a record's key, with the reason, in the transaction that moves the position past it. */
export async function parkKey(tx: Tx, { topic, partition }: Place, record: LogRecord, reason: { code: string; message: string }): Promise<void> {
  const added = await tx.query(
    'insert into parked_key (topic, partition, key, code, message) values ($1, $2, $3, $4, $5) on conflict do nothing returning key',
    [topic, partition, parkingKey(record), reason.code, reason.message.slice(0, 500)]);
  if (added.length > 0) await tx.query('update consumer_position set parked = parked + 1 where topic = $1 and partition = $2', [topic, partition]);
  await parkRecords(tx, { topic, partition }, [record]);
}

/** Parks records behind keys that are parked already. */
export async function parkRecords(tx: Tx, { topic, partition }: Place, records: readonly LogRecord[]): Promise<void> {
  if (records.length === 0) return;
  const rows = records.map((record) => ({ offset: record.offset, key: parkingKey(record), value: record.value === null ? null : storable(record.value), headers: storableHeaders(record.headers) }));
  await tx.query(
    `insert into parked_record (topic, partition, "offset", key, value, headers)
     select $1, $2, new.* from unnest($3::bigint[], $4::text[], $5::text[], $6::jsonb[]) as new ("offset", key, value, headers) on conflict do nothing`,
    [topic, partition, ...columnsOf(rows, 'offset', 'key', 'value', 'headers')]);
}

/** No column takes a NUL. */
const storable = (text: string): string => text.replaceAll('\0', '\uFFFD');
const storableHeaders = (headers: LogRecord['headers']): object => Object.fromEntries(Object.entries(headers).map(([name, value]) => [storable(name), storable(value)]));

/** A page of parked keys, by topic, partition and key, after `after`. */
export async function listParked(db: Db, limit: number, after: { topic: string; partition: number; key: string } | undefined): Promise<ParkedKey[]> {
  return db.query<ParkedKey>(
    `select topic, partition, key, code, message, since,
       (select count(*)::int from parked_record r where r.topic = k.topic and r.partition = k.partition and r.key = k.key) as records
     from parked_key k where (topic, partition, key) > ($2, $3, $4) order by topic, partition, key limit $1`,
    [limit, after?.topic ?? '', after?.partition ?? -1, after?.key ?? '']);
}

/**
 * Takes the records of a parked key, in order, and forgets the key. Runs under the partition's position row, so that no later
 * record of the key can slip in between. @throws parked.not_found
 */
export async function takeParked(tx: Tx, { topic, partition }: Place, key: string): Promise<LogRecord[]> {
  await tx.query('select from consumer_position where topic = $1 and partition = $2 for update', [topic, partition]);
  const gone = await tx.query('delete from parked_key where topic = $1 and partition = $2 and key = $3 returning key', [topic, partition, key]);
  if (gone.length === 0) throw new Problem('not_found', 'parked.not_found', 'No such key is parked.');
  await tx.query('update consumer_position set parked = parked - 1 where topic = $1 and partition = $2', [topic, partition]);
  const records = await tx.query<LogRecord>(
    `with gone as (delete from parked_record where topic = $1 and partition = $2 and key = $3 returning "offset", key, value, headers)
     select "offset"::float8 as offset, key, value, headers from gone order by 1`, [topic, partition, key]);
  return records;
}
