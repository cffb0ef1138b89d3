import { Problem, type Millis } from '@yunke/kernel';
import type { Db, Tx } from '@yunke/postgres';

import type { Cause } from '../observation/observation.js';
import { loadGraph } from '../partition/graph.store.js';
import { repartition } from '../partition/partition.js';
import type { Caused } from '../profile/profile.js';
import { settle } from '../profile/settle.store.js';
import type { Decision, Kind, Matter } from './decision.js';

type Row = { id: string; kind: Kind; subjects: string[]; type: string | null; value: string | null; reason: string; actor: string; decidedAt: Millis; withdrawnAt: Millis | null; withdrawnBy: string | null; request: string };

const columns = `id, kind, subjects, type, value, reason, actor, decided_at::float8 as "decidedAt", withdrawn_at::float8 as "withdrawnAt", withdrawn_by as "withdrawnBy", request`;

const decisionOf = ({ id, kind, subjects, type, value, reason, actor, decidedAt, withdrawnAt, withdrawnBy }: Row): Decision => ({
  id, kind, subjects, reason, actor, decidedAt, ...(type !== null && value !== null && { identifier: { type, value } }),
  ...(withdrawnAt !== null && { withdrawnAt }), ...(withdrawnBy !== null && { withdrawnBy }),
});

/** The decision that a request with this key made. @throws idempotency.key_reused when that one asked for something else */
export async function findByKey(tx: Tx, key: string, request: string): Promise<Decision | undefined> {
  const [row] = await tx.query<Row>(`select ${columns} from decisions where request_key = $1`, [key]);
  if (row && row.request !== request) throw new Problem('invalid', 'idempotency.key_reused', 'This idempotency key was used for another request.');
  return row && decisionOf(row);
}

export async function insert(tx: Tx, { id, kind, subjects, identifier, reason, actor, decidedAt }: Decision, request: { key: string; text: string }): Promise<void> {
  await tx.query(
    `insert into decisions (id, kind, subjects, type, value, reason, actor, decided_at, request_key, request) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
    [id, kind, subjects, identifier?.type ?? null, identifier?.value ?? null, reason, actor, decidedAt, request.key, request.text]);
}

export async function find(db: Db | Tx, id: string): Promise<Decision | undefined> {
  const [row] = await db.query<Row>(`select ${columns} from decisions where id = $1`, [id]);
  return row && decisionOf(row);
}

/** From now on it counts no more; one that was withdrawn before stays as it was. */
export async function withdraw(tx: Tx, id: string, by: { actor: string; at: Millis }): Promise<Decision> {
  await tx.query('update decisions set withdrawn_at = $2, withdrawn_by = $3 where id = $1 and withdrawn_at is null', [id, by.at, by.actor]);
  return (await find(tx, id))!;
}

/** The decisions about these subjects, or about an identifier that one of them carries; the oldest first. */
export async function findAbout(db: Db | Tx, subjects: readonly string[]): Promise<Decision[]> {
  const rows = await db.query<Row>(
    `select ${columns} from decisions d where subjects && $1::text[] or (kind = 'lift' and exists (
       select from evidence e where e.subject = any($1) and e.type = d.type and e.value = d.value)) order by decided_at, id`, [subjects]);
  return rows.map(decisionOf);
}

/**
 * Moves whoever moves by a decision that was made or withdrawn: it is stored already. Call it under the lock of the graph.
 * Returns the facts, caused by `cause`.
 */
export async function apply(tx: Tx, { kind, subjects, identifier }: Matter, cause: Cause, idOf: (subject: string) => string): Promise<Caused[]> {
  const graph = await loadGraph(tx, { subjects: new Map(subjects.map((subject) => [subject, cause])), identifiers: identifier ? [{ identifier, cause }] : [] });
  return settle(tx, [], repartition(graph, kind), idOf);
}
