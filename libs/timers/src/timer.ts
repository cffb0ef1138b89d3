import type { Millis } from '@yunke/kernel';
import { columnsOf, type Tx } from '@yunke/postgres';

/** The next instant at which a key's state changes by time alone; undefined disarms. */
export type Timer = { readonly key: string; readonly dueAt: Millis | undefined };

/** Replaces the timers of these keys. Call it with the keys' rows locked: the timer follows the state. */
export async function arm(tx: Tx, kind: string, timers: readonly Timer[]): Promise<void> {
  const set = timers.filter(({ dueAt }) => dueAt !== undefined).sort((a, b) => (a.key < b.key ? -1 : 1));
  const unset = timers.filter(({ dueAt }) => dueAt === undefined).map(({ key }) => key).sort();
  if (set.length > 0) {
    await tx.query(
      `insert into timers (kind, key, due_at) select $1, key, to_timestamp(due / 1000) from unnest($2::text[], $3::float8[]) as new (key, due)
       on conflict (kind, key) do update set due_at = excluded.due_at where timers.due_at <> excluded.due_at`,
      [kind, ...columnsOf(set, 'key', 'dueAt')]);
  }
  if (unset.length > 0) await tx.query('delete from timers where kind = $1 and key = any($2)', [kind, unset]);
}

/** Keys whose timer is due, and how far time may go: everything accepted before `until` has been heard. */
export type Due = { readonly kind: string; readonly keys: readonly string[]; readonly until: Millis };

/** A timer's cause, for the ids of the facts it leads to: (kind, key, due, version of the state). */
export const causeOf = (kind: string, key: string, dueAt: Millis, version: number): string => `timer:${kind}:${key}:${dueAt}:${version}`;
