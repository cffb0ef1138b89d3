import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { startEmbeddedPostgres } from '@yunke/postgres';

import { compareCounts, compareCustomers, compareStock, compareTally, type Difference, type Profile } from './comparison.js';
import { untilDigested, type OrderCounts } from './digesting.js';
import { WAREHOUSE } from './mapping.js';
import { consult, type Oracle } from './oracle.js';
import type { PlatformApi } from './platform-api.js';
import type { ServiceName, Settings } from './settings.js';
import type { Tally } from './tally.js';

/** What `--check` found. `digested`: when the platform had come to rest (`performance.now()`). */
export type Checked = {
  readonly customers: number; readonly differing: number; readonly differences: readonly Difference[];
  readonly counts: OrderCounts; readonly parkedKeys: number; readonly digested: number;
};

/** A chunk that waits to be tried again is quiet for up to half a minute, so a difference is believed only after a longer rest. */
const QUIET_MS = { usual: 3_000, ifDifferent: 45_000 };

/** Compares the platform with plain SQL over the file, once the platform has come to rest. */
export async function check(settings: Settings, tally: Tally, { api, note }: { api: PlatformApi; note: (text: string) => void }): Promise<Checked> {
  note('plain SQL computes every customer');
  const oracle = await withScratch(settings, (database) => consult(settings.file, database));
  const first = await compare(QUIET_MS.usual);
  return first.differences.length === 0 ? first : compare(QUIET_MS.ifDifferent);

  async function compare(quietMs: number): Promise<Checked> {
    const { counts, parkedKeys } = await untilDigested(api, { source: settings.source, quietMs }, note);
    const digested = performance.now() - quietMs;
    note('comparing every customer and every stock level');
    const ofCustomers = compareCustomers(oracle.customers, await pages<Profile>(api, 'segmentation', '/api/segmentation/profiles?limit=200'), settings.source);
    const differences = [...compareCounts(oracle, counts), ...compareTally(oracle, tally), ...compareStock(oracle.stock, await pages<Level>(api, 'inventory', `/api/inventory/levels?warehouse=${WAREHOUSE}&limit=200`)), ...ofCustomers];
    return { customers: oracle.customers.length, differing: new Set(ofCustomers.map(({ of }) => of)).size, differences, counts, parkedKeys, digested };
  }
}

/** A database to compute in: the one that was named, else one of a server that is thrown away. */
async function withScratch(settings: Settings, work: (database: string) => Promise<Oracle>): Promise<Oracle> {
  if (settings.scratch !== undefined) return work(settings.scratch);
  const server = await startEmbeddedPostgres({ directory: mkdtempSync(join(tmpdir(), 'yunke-replay-')), ephemeral: true });
  try {
    return await work(server.url('postgres'));
  } finally {
    await server.stop();
  }
}

type Level = { readonly sku: string; readonly onHand: number };

/** All pages of a list; its path has a query. */
async function pages<T>(api: PlatformApi, service: ServiceName, path: string): Promise<T[]> {
  const all: T[] = [];
  for (let after: string | undefined = ''; after !== undefined; ) {
    const page: { items: T[]; next?: string } = await api.ask(service, `${path}${after && `&after=${encodeURIComponent(after)}`}`);
    all.push(...page.items);
    after = page.next;
  }
  return all;
}
