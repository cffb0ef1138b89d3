import { iso, type Millis } from '@yunke/kernel';
import type { Db, Tx } from '@yunke/postgres';

import type { Endpoint } from './endpoint.js';

const columns = 'id, url, facts, generation, floor(extract(epoch from previous_until) * 1000)::float8 as "previousUntil", closed_why as "closedWhy"';

/** The endpoints that are open. */
export const openEndpoints = (tx: Tx): Promise<Endpoint[]> => tx.query<Endpoint>(`select ${columns} from endpoints where closed_why is null order by id`);

export async function findMany(db: Db | Tx, ids: readonly string[]): Promise<Map<string, Endpoint>> {
  const rows = ids.length === 0 ? [] : await db.query<Endpoint>(`select ${columns} from endpoints where id::text = any($1)`, [ids]);
  return new Map(rows.map((row) => [row.id, row]));
}

export const list = (db: Db, limit: number, after: string | undefined): Promise<Endpoint[]> =>
  db.query<Endpoint>(`select ${columns} from endpoints where $2::uuid is null or id > $2 order by id limit $1`, [limit, after ?? null]);

export async function add(db: Db, id: string, { url, facts }: Pick<Endpoint, 'url' | 'facts'>): Promise<Endpoint> {
  return (await db.query<Endpoint>(`insert into endpoints (id, url, facts, generation, created_at) values ($1, $2, $3, 1, clock_timestamp()) returning ${columns}`, [id, url, facts]))[0]!;
}

/** Changes an endpoint and opens it again. */
export async function update(db: Db, id: string, { url, facts }: Pick<Endpoint, 'url' | 'facts'>): Promise<Endpoint | undefined> {
  return (await db.query<Endpoint>(`update endpoints set url = $2, facts = $3, closed_why = null where id::text = $1 returning ${columns}`, [id, url, facts]))[0];
}

/** Takes facts no more, with the reason. */
export async function close(db: Db | Tx, id: string, why: string): Promise<Endpoint | undefined> {
  return (await db.query<Endpoint>(`update endpoints set closed_why = $2 where id::text = $1 returning ${columns}`, [id, why]))[0];
}

/** The next generation of its secret; the present one goes on signing until an instant. */
export async function rotate(db: Db, id: string, previousUntil: Millis): Promise<Endpoint | undefined> {
  return (await db.query<Endpoint>(`update endpoints set generation = generation + 1, previous_until = $2 where id::text = $1 returning ${columns}`, [id, iso(previousUntil)]))[0];
}
