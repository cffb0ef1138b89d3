import { byKey, columnsOf, requireInserted, sorted, type Tx } from '@yunke/postgres';

import { unknownReturn, valuesOf, type Return } from './return.js';

export type Locked = { readonly returns: Map<string, Return>; readonly isNew: ReadonlySet<string> };

/** The returns of these ids; those that exist are locked, in key order. */
export async function lockMany(tx: Tx, ids: readonly string[]): Promise<Locked> {
  const found = byKey(await tx.query<{ id: string; state: Return }>('select id, state from returns where id = any($1) order by id for update', [sorted(ids)]), ({ id }) => id);
  return { returns: new Map(ids.map((id) => [id, found.get(id)?.state ?? unknownReturn(id)])), isNew: new Set(ids.filter((id) => !found.has(id))) };
}

/** Saves the touched returns. @throws row.raced when another transaction made one of the new ones first. */
export async function saveMany(tx: Tx, { isNew }: Locked, returns: readonly Return[]): Promise<void> {
  const rows = returns.map((one) => ({ id: one.id, state: one, subject: valuesOf(one).subject ?? '' })).sort((a, b) => (a.id < b.id ? -1 : 1));
  const [added, changed] = [rows.filter(({ id }) => isNew.has(id)), rows.filter(({ id }) => !isNew.has(id))];
  const unnest = 'unnest($1::text[], $2::json[], $3::text[])';
  if (added.length > 0) requireInserted(await tx.query(`insert into returns (id, state, subject) select * from ${unnest} on conflict (id) do nothing returning 1`, columnsOf(added, 'id', 'state', 'subject')), added.length);
  if (changed.length > 0) await tx.query(`update returns set state = new.state, subject = new.subject from ${unnest} as new (id, state, subject) where returns.id = new.id`, columnsOf(changed, 'id', 'state', 'subject'));
}
