import { columnsOf, type Db, type Tx } from '@yunke/postgres';
import { iso, type Millis } from '@yunke/kernel';

import type { Change, ContactPoint } from './contact.js';

const columns = 'id, channel, address, unsubscribed_at as "unsubscribedAt", suppressed_at as "suppressedAt", suppressed_why as "suppressedWhy"';

/** The contact points of these addresses, made where they were missing, then locked, both in key order. */
export async function lockMany(tx: Tx, points: readonly { readonly id: string; readonly address: string }[]): Promise<Map<string, ContactPoint>> {
  const wanted = [...new Map(points.map((point) => [point.id, point])).values()].sort((a, b) => (a.id < b.id ? -1 : 1));
  if (wanted.length === 0) return new Map();
  await tx.query(`insert into contact_points (id, channel, address) select id, 'email', address from unnest($1::text[], $2::text[]) as new (id, address)
    where not exists (select from contact_points c where c.id = new.id) order by id on conflict do nothing`, columnsOf(wanted, 'id', 'address'));
  const rows = await tx.query<ContactPoint>(`select ${columns} from contact_points where id = any($1) order by id for update`, [wanted.map(({ id }) => id)]);
  return new Map(rows.map((row) => [row.id, row]));
}

export async function find(db: Db | Tx, id: string): Promise<ContactPoint | undefined> {
  return (await db.query<ContactPoint>(`select ${columns} from contact_points where id = $1`, [id]))[0];
}

/** Makes a change and writes it down. False when nothing changed. The row is locked by it. */
export async function change(tx: Tx, id: string, made: { readonly change: Change; readonly by: string; readonly why?: string; readonly at: Millis }): Promise<boolean> {
  const SQL: Record<Change, string> = {
    unsubscribed: 'unsubscribed_at = $2 where id = $1 and unsubscribed_at is null', resubscribed: 'unsubscribed_at = null where id = $1 and unsubscribed_at is not null and $2::timestamptz is not null',
    suppressed: 'suppressed_at = $2, suppressed_why = $3 where id = $1 and suppressed_at is null', released: 'suppressed_at = null, suppressed_why = null where id = $1 and suppressed_at is not null and $2::timestamptz is not null',
  };
  const parameters = [id, iso(made.at), ...(made.change === 'suppressed' ? [made.why ?? made.by] : [])];
  const changed = await tx.query(`update contact_points set ${SQL[made.change]} returning 1`, parameters);
  if (changed.length === 0) return false;
  await tx.query('insert into contact_changes (contact_id, change, by, why, at) values ($1, $2, $3, $4, $5)', [id, made.change, made.by, made.why ?? null, iso(made.at)]);
  return true;
}

export type ContactChange = { readonly id: string; readonly contactId: string; readonly address: string; readonly change: Change; readonly by: string; readonly why: string | null; readonly at: string };

/** A page of changes, the latest first. */
export const listChanges = (db: Db, limit: number, before: string | undefined): Promise<ContactChange[]> =>
  db.query<ContactChange>(
    `select c.id::text as id, c.contact_id as "contactId", p.address, c.change, c.by, c.why, c.at from contact_changes c join contact_points p on p.id = c.contact_id
     where $2::bigint is null or c.id < $2 order by c.id desc limit $1`, [limit, before ?? null]);

/** A page of contact points that are suppressed, or unsubscribed, by id. */
export const list = (db: Db, which: 'suppressed' | 'unsubscribed', limit: number, after: string): Promise<ContactPoint[]> =>
  db.query<ContactPoint>(`select ${columns} from contact_points where ${which === 'suppressed' ? 'suppressed_at' : 'unsubscribed_at'} is not null and id > $2 order by id limit $1`, [limit, after]);
