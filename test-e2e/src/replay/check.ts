import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { startEmbeddedPostgres } from '@yunke/postgres';

import { compareCounts, compareCustomers, compareStock, compareTally, type Difference, type Profile } from './comparison.js';
import { untilDigested, type OrderCounts } from './digesting.js';
import { WAREHOUSE } from './mapping.js';
import { goLive, type Live } from './live.js';
import { consult, type Oracle } from './oracle.js';
import type { PlatformApi } from './platform-api.js';
import type { Settings } from './settings.js';
import { compareSilence, listen, type Silence } from './silence.js';
import type { Tally } from './tally.js';

/** What `--check` found. `digested`: when the platform had come to rest (`performance.now()`). */
export type Checked = {
  readonly customers: number; readonly differing: number; readonly differences: readonly Difference[];
  readonly counts: OrderCounts; readonly parkedKeys: number; readonly digested: number; readonly silence: Silence; readonly live: Live;
};

/** A chunk that waits to be tried again is quiet for up to half a minute, so a difference is believed only after a longer rest. */
const QUIET_MS = { usual: 3_000, ifDifferent: 45_000 };

/** Compares the platform with plain SQL over the file, once the platform has come to rest; then has something happen now. */
export async function check(settings: Settings, tally: Tally, { api, note }: { api: PlatformApi; note: (text: string) => void }): Promise<Checked> {
  note('plain SQL computes every customer');
  const oracle = await withScratch(settings, (database) => consult(settings.file, database));
  const first = await compare(QUIET_MS.usual);
  const last = first.differences.length === 0 ? first : await compare(QUIET_MS.ifDifferent);
  note('one live order and one live shortage');
  const live = await goLive(api, settings.source);
  const silence = await listen(api, { source: settings.source, attributedOrders: last.counts.orders - last.counts.unattributed, profiles: last.profiles, levels: last.levels });
  const { profiles: _, levels: __, ...compared } = last;
  return { ...compared, differences: [...last.differences, ...compareSilence(silence, live)], silence, live };

  async function compare(quietMs: number): Promise<Omit<Checked, 'silence' | 'live'> & { profiles: Profile[]; levels: Level[] }> {
    const { counts, parkedKeys, unheard } = await untilDigested(api, { source: settings.source, quietMs }, note);
    const digested = performance.now() - quietMs;
    note('comparing every customer and every stock level');
    const profiles = await api.all<Profile>('segmentation', '/api/segmentation/profiles?limit=200');
    const levels = await api.all<Level>('inventory', `/api/inventory/levels?warehouse=${WAREHOUSE}&limit=200`);
    const ofCustomers = compareCustomers(oracle.customers, profiles, settings.source);
    const stillThere: Difference[] = unheard === 0 ? [] : [{ of: 'the platform', what: 'unheard records', expected: 0, found: unheard }];
    const differences = [...stillThere, ...compareCounts(oracle, counts), ...compareTally(oracle, tally), ...compareStock(oracle.stock, levels), ...ofCustomers];
    return { customers: oracle.customers.length, differing: new Set(ofCustomers.map(({ of }) => of)).size, differences, counts, parkedKeys, digested, profiles, levels };
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
