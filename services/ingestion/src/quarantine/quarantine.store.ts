import type { Fault } from '@yunke/kernel';
import type { Db, Tx } from '@yunke/postgres';

/** An item that was refused, as it came. */
export type Quarantined = {
  readonly id: string; readonly source: string; readonly kind: 'server' | 'browser'; readonly messageId: string | null; readonly dialect: 'native' | 'segment';
  readonly raw: unknown; readonly code: string; readonly faults: readonly Fault[]; readonly receivedAt: string; readonly state: 'held' | 'replayed' | 'discarded';
};

const columns = `id::text, source, kind, message_id as "messageId", dialect, raw, code, faults, received_at as "receivedAt", state`;

/** What is held, oldest first. */
export const listHeld = (db: Db, { source, code, limit, after }: { source?: string; code?: string; limit: number; after: string }): Promise<Quarantined[]> =>
  db.query<Quarantined>(`select ${columns} from quarantine where state = 'held' and id > $1 and ($2::text is null or source = $2) and ($3::text is null or code = $3) order by id limit $4`, [after, source ?? null, code ?? null, limit]);

export async function find(db: Db | Tx, id: string): Promise<Quarantined | undefined> {
  if (!/^\d{1,18}$/.test(id)) return undefined;
  const [row] = await db.query<Quarantined>(`select ${columns} from quarantine where id = $1`, [id]);
  return row;
}

/** Ends the matter; only what is held can end. Returns whether it was. */
export async function end(db: Db | Tx, id: string, state: 'replayed' | 'discarded'): Promise<boolean> {
  return (await db.query(`update quarantine set state = $2 where id = $1 and state = 'held' returning 1`, [id, state])).length > 0;
}
