import { Client } from 'pg';

import { Db, migrate, type MigrationClass } from '@yunke/postgres';

const LOCK = 5_120_077;

/** A database of the run's Postgres that nobody else uses. With migrations: a copy of a template that is migrated once a run. */
export async function throwAwayDatabase(template?: { name: string; migrations: readonly MigrationClass[] }): Promise<string> {
  const server = process.env['TEST_POSTGRES_URL'];
  if (!server) throw new Error('TEST_POSTGRES_URL is not set: run the tests with `npm run jest`.');
  const name = `t_${crypto.randomUUID().replaceAll('-', '')}`;
  const url = (database: string): string => server.replace(/\/[^/]*$/, `/${database}`);
  const client = new Client({ connectionString: server });
  await client.connect();
  try {
    if (template) await prepare(client, template, url);
    await client.query(`create database ${name}${template ? ` template template_${template.name}` : ''}`);
  } finally {
    await client.end();
  }
  return url(name);
}

async function prepare(client: Client, template: { name: string; migrations: readonly MigrationClass[] }, url: (database: string) => string): Promise<void> {
  const name = `template_${template.name}`;
  await client.query('select pg_advisory_lock($1)', [LOCK]);
  try {
    if ((await client.query('select from pg_database where datname = $1', [`${name}`])).rowCount) return;
    await client.query(`create database ${name}_new`);
    const db = await Db.open({ url: url(`${name}_new`), applicationName: 'template', migrations: template.migrations });
    await migrate(db);
    await db.close();
    await client.query(`alter database ${name}_new rename to ${name}`);
  } finally {
    await client.query('select pg_advisory_unlock($1)', [LOCK]);
  }
}
