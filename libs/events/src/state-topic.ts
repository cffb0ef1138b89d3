import type { Stream } from '@yunke/contracts';
import { columnsOf, type Tx } from '@yunke/postgres';

import type { Batch } from './batch.js';

/**
 * A service hears its own state topic, too: the keys whose record is older than one heard there before. Compaction may keep a
 * stale copy as the last one (a relay's second send), so the service says the present state of these keys again.
 */
export async function staleKeys(tx: Tx, stream: Stream, batch: Batch<Stream>): Promise<string[]> {
  const heard = batch.records.map(({ key, body }) => ({ key, version: (body as unknown as { version: string }).version }));
  const stale = new Set<string>();
  const largest = new Map<string, string>();
  for (const { key, version } of heard) {
    const known = largest.get(key);
    if (known !== undefined && BigInt(version) < BigInt(known)) stale.add(key);
    else {
      largest.set(key, version);
      stale.delete(key);
    }
  }
  const rows = [...largest].map(([key, version]) => ({ key, version })).sort((a, b) => (a.key < b.key ? -1 : 1));
  const older = await tx.query<{ key: string }>(
    `with new as (select * from unnest($2::text[], $3::bigint[]) as new (key, version)),
          saved as (insert into state_heard (topic, key, version) select $1, key, version from new
                    on conflict (topic, key) do update set version = excluded.version where state_heard.version < excluded.version)
     select h.key from state_heard h join new using (key) where h.topic = $1 and h.version > new.version`,
    [stream.topic, ...columnsOf(rows, 'key', 'version')]);
  return [...new Set([...stale, ...older.map(({ key }) => key)])].sort();
}
