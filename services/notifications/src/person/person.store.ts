import { columnsOf, packed, packedColumn, sorted, type Db, type Tx } from '@yunke/postgres';

import type { Person } from './person.js';

const columns = 'profile_id as "profileId", version::float8 as version, fields';

/** Keeps, per profile, the largest version. Call it with the profiles' subjects locked. */
export async function saveMany(tx: Tx, people: readonly Person[]): Promise<void> {
  const newest = new Map<string, Person>();
  for (const person of people) if (person.version > (newest.get(person.profileId)?.version ?? -1)) newest.set(person.profileId, person);
  const rows = [...newest.values()].sort((a, b) => (a.profileId < b.profileId ? -1 : 1));
  if (rows.length === 0) return;
  await tx.query(
    `insert into people (profile_id, version, fields) select * from unnest($1::text[], $2::bigint[], ${packed('$3', 'json')})
     on conflict (profile_id) do update set version = excluded.version, fields = excluded.fields where people.version < excluded.version`,
    [...columnsOf(rows, 'profileId', 'version'), packedColumn(rows, 'fields')]);
}

/** The people of these profiles, made (unknown, version 0) where they were missing, then locked, both in key order. Lock the subjects first. */
export async function lockMany(tx: Tx, profileIds: readonly string[]): Promise<Map<string, Person>> {
  const wanted = sorted(profileIds);
  if (wanted.length === 0) return new Map();
  await tx.query(`insert into people (profile_id, version, fields) select id, 0, '{}' from unnest($1::text[]) as wanted (id)
    where not exists (select from people p where p.profile_id = wanted.id) order by id on conflict do nothing`, [wanted]);
  const rows = await tx.query<Person>(`select ${columns} from people where profile_id = any($1) order by profile_id for update`, [wanted]);
  return new Map(rows.filter(({ version }) => version > 0).map((row) => [row.profileId, row]));
}

export async function find(db: Db, profileId: string): Promise<Person | undefined> {
  return (await db.query<Person>(`select ${columns} from people where profile_id = $1 and version > 0`, [profileId]))[0];
}
