// One throw-away Postgres a run; every test file takes databases of its own from it (libs/testing/src/throw-away-database.ts).
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { startEmbeddedPostgres } from '@yunke/postgres';

export default async function setup() {
  if (process.env.TEST_POSTGRES_URL) return;
  const server = await startEmbeddedPostgres({ directory: mkdtempSync(join(tmpdir(), 'yunke-test-')), ephemeral: true, maxConnections: 300 });
  globalThis.__yunkePostgres = server;
  process.env.TEST_POSTGRES_URL = server.url('postgres');
}
