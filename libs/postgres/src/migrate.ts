import { Problem } from '@yunke/kernel';

import type { Db } from './db.js';

const LOCK = 7_305_912; // one number for "this database is being migrated"; any replica may be first

/** Runs what is missing, forward only, one transaction a migration, under a lock so that any number of replicas may start at once. */
export async function migrate(db: Db): Promise<void> {
  const client = await db.pool.connect();
  try {
    await client.query('set lock_timeout = 0; set statement_timeout = 0');
    await client.query('select pg_advisory_lock($1)', [LOCK]);
    await db.source.runMigrations({ transaction: 'each' });
    await client.query('select pg_advisory_unlock($1)', [LOCK]);
  } finally {
    client.release(true); // the session's timeouts were changed: do not give it back
  }
}

/** @throws schema.too_old (unavailable) while another process has not finished migrating. */
export async function requireMigrated(db: Db): Promise<void> {
  if (await db.source.showMigrations()) throw new Problem('unavailable', 'schema.too_old', 'The database schema is older than this program needs.');
}
