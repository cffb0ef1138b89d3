import type { Db, Tx } from '@yunke/postgres';

import type { Template } from './template.js';

const columns = 'name, version, facts, languages';

/** The newest version of each of these templates. */
export async function newest(db: Db | Tx, names: readonly string[]): Promise<Map<string, Template>> {
  const rows = names.length === 0 ? [] : await db.query<Template>(`select distinct on (name) ${columns} from templates where name = any($1) order by name, version desc`, [names]);
  return new Map(rows.map((row) => [row.name, row]));
}

/** The numbers of the newest versions. */
export async function newestVersions(tx: Tx, names: readonly string[]): Promise<Map<string, number>> {
  const rows = await tx.query<{ name: string; version: number }>('select name, max(version) as version from templates where name = any($1) group by name', [names]);
  return new Map(rows.map(({ name, version }) => [name, version]));
}

export async function find(db: Db | Tx, name: string, version: number): Promise<Template | undefined> {
  return (await db.query<Template>(`select ${columns} from templates where name = $1 and version = $2`, [name, version]))[0];
}

/** A page of the newest versions, by name. */
export const list = (db: Db, limit: number, after: string): Promise<Template[]> =>
  db.query<Template>(`select distinct on (name) ${columns} from templates where name > $2 order by name, version desc limit $1`, [limit, after]);

/** A page of the versions of one template, the latest first. */
export const versions = (db: Db, name: string, limit: number, before: number): Promise<Template[]> =>
  db.query<Template>(`select ${columns} from templates where name = $1 and version < $3 order by version desc limit $2`, [name, limit, before]);

/** Saves a template as its next version: intents that were decided keep theirs. */
export async function save(tx: Tx, { name, facts, languages }: Omit<Template, 'version'>): Promise<Template> {
  await tx.query('select pg_advisory_xact_lock(hashtext($1))', [`template ${name}`]);
  const [row] = await tx.query<Template>(
    `insert into templates (name, version, facts, languages, created_at)
     select $1, coalesce(max(version), 0) + 1, $2, $3, clock_timestamp() from templates where name = $1 returning ${columns}`, [name, facts, JSON.stringify(languages)]);
  return row!;
}
