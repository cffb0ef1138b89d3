import { setTimeout as pause } from 'node:timers/promises';

import type { Sent, Target } from './generator.js';
import { spreadOf, type Spread } from './figures.js';
import { usageBetween, type Usage } from './meter.js';
import { MEASURED } from './measured-services.js';
import type { Stage } from './stage.js';
import { Worker } from './worker.js';
import type { Workload } from './workload.js';

const ROUNDS = 9;
/** Half a second of work: the system counts a process's time in hundredths. */
const EVENTS_PER_ROUND = 20_000;
/** As many connections as the peers' doors are measured with, in batches of a hundred. */
const REQUESTS_IN_FLIGHT = 16;

/** µs of CPU per event, the process and its Postgres backends; and events accepted per second. */
export type Costs = { readonly micros: Spread; readonly process: Spread; readonly postgres: Spread; readonly perSecond: Spread };
export type Door = {
  /** The ingestion service while somebody else holds its relay's lease: it accepts, and others publish. */
  readonly accepting: Costs;
  /** The whole of it: it publishes what it accepted as well. */
  readonly publishing: Costs;
  /** The least door that can mean its 202: it keeps what it accepts. */
  readonly bare: Costs;
  /** The same without what it accepts: it only knows the next time that it was there before. */
  readonly filterOnly: Costs;
  readonly foreignCores: number;
};

const KINDS = ['accepting', 'publishing', 'bare', 'filterOnly'] as const;
type Sample = { readonly process: number; readonly postgres: number; readonly perSecond: number; readonly foreignCores: number };

/**
 * What an accepted event costs at the door, beside the least that a door can do; in turns, with the same load. The services behind
 * the door are stopped, so that they disturb neither. Uses orders from `from` on.
 */
export async function measureDoor(stage: Stage, workload: Workload, from: number): Promise<Door> {
  const { meter, platform, door } = stage;
  for (const name of MEASURED.filter((service) => service !== 'ingestion')) {
    meter.unfollow(name);
    await platform.process(name).kill('SIGTERM');
  }
  const bare = await bareDoor(stage, 'bare door', true);
  const filter = await bareDoor(stage, 'filter only', false);
  const samples: Record<(typeof KINDS)[number], Sample[]> = { accepting: [], publishing: [], bare: [], filterOnly: [] };
  let at = from;
  for (let round = 0; round <= ROUNDS; round += 1) {
    const load = (): Load => ({ workload, from: at, to: (at += EVENTS_PER_ROUND) });
    const sameLoad = load();
    const one = {
      bare: await bare.sample(sameLoad),
      publishing: await sample(stage, { ...sameLoad }, door, { process: 'ingestion', until: () => published(stage) }),
      accepting: await withoutRelay(stage, async () => sample(stage, load(), door, { process: 'ingestion', until: async () => undefined })),
      filterOnly: await filter.sample(sameLoad),
    };
    await published(stage);
    if (round > 0) for (const kind of KINDS) samples[kind].push(one[kind]); // the first is for warming up
  }
  await Promise.all([bare.stop(), filter.stop()]);
  const all = Object.values(samples).flat();
  return {
    accepting: costsOf(samples.accepting), publishing: costsOf(samples.publishing), bare: costsOf(samples.bare), filterOnly: costsOf(samples.filterOnly),
    foreignCores: all.reduce((total, one) => total + one.foreignCores, 0) / all.length,
  };
}

async function bareDoor(stage: Stage, name: string, keeps: boolean): Promise<{ sample(load: Load): Promise<Sample>; stop(): Promise<void> }> {
  const { postgres, meter } = stage;
  const database = name.replace(' ', '_');
  await postgres.createDatabase(database);
  meter.nameDatabase(database, name);
  const worker = new Worker('./bare-door.js');
  meter.follow(name, worker.pid);
  const { url } = await worker.ask<{ url: string }>({ databaseUrl: postgres.url(database), keeps });
  return {
    sample: (load) => sample(stage, load, { url, key: '' }, { process: name, until: async () => undefined }),
    async stop() {
      meter.unfollow(name);
      await worker.stop();
    },
  };
}

type Load = { readonly workload: Workload; readonly from: number; readonly to: number };

async function sample({ generator, meter }: Stage, load: Load, target: Target, { process, until }: { process: string; until: () => Promise<void> }): Promise<Sample> {
  await generator.ask({ kind: 'prepare', ...load });
  const before = meter.read();
  const { accepted, startedAt, endedAt } = await generator.ask<Sent>({ kind: 'send', ...target, inFlight: REQUESTS_IN_FLIGHT });
  await until();
  const usage: Usage = usageBetween(before, meter.read());
  if (accepted !== load.to - load.from) throw new Error(`${process} accepted ${accepted} of ${load.to - load.from}.`);
  return { process: usage.micros[process]! / accepted, postgres: usage.micros[`postgres ${process}`]! / accepted, perSecond: (accepted / (endedAt - startedAt)) * 1_000, foreignCores: usage.foreignCores };
}

const costsOf = (samples: readonly Sample[]): Costs => ({
  micros: spreadOf(samples.map(({ process, postgres }) => process + postgres)), process: spreadOf(samples.map(({ process }) => process)),
  postgres: spreadOf(samples.map(({ postgres }) => postgres)), perSecond: spreadOf(samples.map(({ perSecond }) => perSecond)),
});

/** Until everything accepted is in the log. */
async function published({ flow }: Stage): Promise<void> {
  for (;;) {
    const { rows } = await flow.database('ingestion').query<{ waits: boolean }>('select exists (select from outbox) or exists (select from relay_batch) as waits');
    if (!rows[0]!.waits) return;
    await pause(100);
  }
}

/** Takes the lease away from the relay, which then only looks whether it is free again, and gives it back. */
async function withoutRelay<T>({ flow }: Stage, work: () => Promise<T>): Promise<T> {
  const database = flow.database('ingestion');
  await database.query(`update relay_lease set owner = 'bench', fence = fence + 1, expires_at = 'infinity'`);
  try {
    await pause(300);
    return await work();
  } finally {
    await database.query(`update relay_lease set expires_at = '-infinity'`);
  }
}
