import { hash, randomBytes } from 'node:crypto';

import { Problem } from '@yunke/kernel';
import type { Db, Tx } from '@yunke/postgres';

/** One who sends: a shop, a till, an ERP, a web page. */
export type Source = { readonly id: string; readonly history: boolean; readonly createdAt: string };
export type KeyKind = 'server' | 'browser';
/** A write key without its secret. */
export type WriteKey = { readonly id: string; readonly source: string; readonly kind: KeyKind; readonly createdAt: string; readonly revokedAt: string | null };
/** What a write key opens. */
export type Grant = { readonly source: string; readonly kind: KeyKind; readonly history: boolean };

const hashOf = (key: string): string => hash('sha256', key, 'hex');
const sourceColumns = `id, history, created_at as "createdAt"`;
const keyColumns = `id, source, kind, created_at as "createdAt", revoked_at as "revokedAt"`;

/** Makes a source, or changes whether it is one of history. */
export async function saveSource(db: Db | Tx, id: string, history: boolean): Promise<Source> {
  const [row] = await db.query<Source>(`insert into sources (id, history) values ($1, $2) on conflict (id) do update set history = excluded.history returning ${sourceColumns}`, [id, history]);
  return row!;
}

/** Sources by id, after `after`. */
export const listSources = (db: Db, limit: number, after: string): Promise<Source[]> => db.query<Source>(`select ${sourceColumns} from sources where id > $2 order by id limit $1`, [limit, after]);

/** A new write key; its text is given out here and never again. @throws source.not_found */
export async function makeKey(db: Db, source: string, kind: KeyKind): Promise<WriteKey & { key: string }> {
  const key = `${kind === 'server' ? 'yk' : 'yb'}_${randomBytes(24).toString('base64url')}`;
  return { ...(await saveKey(db, { source, kind, key })), key };
}

/** Remembers a key that was made elsewhere, once. @throws source.not_found */
export async function saveKey(db: Db, { source, kind, key }: { source: string; kind: KeyKind; key: string }): Promise<WriteKey> {
  const [row] = await db.query<WriteKey>(
    `insert into write_keys (hash, source, kind) select $1, id, $3 from sources where id = $2
     on conflict (hash) do update set kind = write_keys.kind returning ${keyColumns}`, [hashOf(key), source, kind]);
  if (!row) throw new Problem('not_found', 'source.not_found', 'There is no such source.');
  return row;
}

/** A source's keys by id, after `after`. */
export const listKeys = (db: Db, source: string, limit: number, after: string): Promise<WriteKey[]> => db.query<WriteKey>(`select ${keyColumns} from write_keys where source = $1 and id::text > $3 order by id::text limit $2`, [source, limit, after]);

/** From now on the key opens nothing. @throws key.not_found */
export async function revokeKey(db: Db, source: string, id: string): Promise<WriteKey> {
  const [row] = await db.query<WriteKey>(`update write_keys set revoked_at = coalesce(revoked_at, clock_timestamp()) where source = $1 and id::text = $2 returning ${keyColumns}`, [source, id]);
  if (!row) throw new Problem('not_found', 'key.not_found', 'There is no such key.');
  return row;
}

/** What the key opens, or undefined. */
export async function findGrant(db: Db, key: string): Promise<Grant | undefined> {
  const [row] = await db.query<Grant>('select k.source, k.kind, s.history from write_keys k join sources s on s.id = k.source where k.hash = $1 and k.revoked_at is null', [hashOf(key)]);
  return row;
}
