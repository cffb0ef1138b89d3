import { byKey, columnsOf, packed, packedColumn, requireInserted, sorted, type Tx } from '@yunke/postgres';

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
  const unnest = `unnest($1::text[], $2::text[], ${packed('$3', 'json')})`;
  const parameters = (some: typeof rows): unknown[] => [...columnsOf(some, 'id', 'subject'), packedColumn(some, 'state')];
  if (added.length > 0) requireInserted(await tx.query(`insert into returns (id, subject, state) select * from ${unnest} on conflict (id) do nothing returning 1`, parameters(added)), added.length);
  if (changed.length > 0) await tx.query(`update returns set state = new.state, subject = new.subject from ${unnest} as new (id, subject, state) where returns.id = new.id`, parameters(changed));
}
