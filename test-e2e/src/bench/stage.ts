import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { Client } from 'pg';

import { kafkaLog, type EventLog } from '@yunke/events';
import { startEmbeddedPostgres, type EmbeddedPostgres } from '@yunke/postgres';

import { startKafka, type Kafka } from '../../../deploy/kafka/kafka.mjs';
import { startPlatform, type Platform } from '../platform/platform.js';
import { Flow } from './flow.js';
import { Meter } from './meter.js';
import { Worker, endWithUs, goesWithUs, isGone } from './worker.js';
import { MEASURED } from './measured-services.js';

/** Everything that takes part: a broker, a Postgres that really writes, every service a process, the load. */
export type Stage = {
  readonly kafka: Kafka;
  readonly postgres: EmbeddedPostgres;
  readonly platform: Platform;
  readonly log: EventLog;
  readonly flow: Flow;
  readonly meter: Meter;
  readonly generator: Worker;
  /** Where native observations go. */
  readonly door: { readonly url: string; readonly key: string };
  stop(): Promise<void>;
};

export type StageOptions = {
  /** A folder for a CPU profile of every service. */
  readonly profile?: string;
  readonly note: (text: string) => void;
};

/** Sets it up, and takes down whatever stands when something of it fails. */
export async function setStage(options: StageOptions): Promise<Stage> {
  const undo: (() => Promise<unknown>)[] = [];
  const stop = async (): Promise<void> => {
    for (const step of undo.splice(0).reverse()) await step().catch((error: unknown) => console.error(error));
  };
  try {
    return { ...(await set(options, undo)), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function set({ profile, note }: StageOptions, undo: (() => Promise<unknown>)[]): Promise<Omit<Stage, 'stop'>> {
  note('starting Kafka, Postgres and the services');
  const kafka = await startKafka();
  undo.push(() => kafka.stop());
  const postgres = await startPostgres(undo);
  const platform = await startPlatform({
    shape: 'split', services: MEASURED, postgresUrl: postgres.url('postgres'), brokers: kafka.brokers, env: { YUNKE_LOG_LEVEL: 'warn', YUNKE_CLOCK: '' },
    ...(profile && { nodeArgs: ['--cpu-prof', `--cpu-prof-dir=${profile}`] }),
  });
  undo.push(() => platform.stop());
  for (const { child } of platform.processes) endWithUs(child.pid!);
  const log = kafkaLog({ brokers: [kafka.brokers], clientId: 'bench' });
  undo.push(() => log.close());
  const flow = await Flow.of(platform, log);
  undo.push(() => flow.close());
  const generator = new Worker('./generator.js');
  undo.push(() => generator.stop());
  const meter = new Meter(postgres.pid);
  undo.push(async () => meter.stop());
  for (const { name, child } of platform.processes) meter.follow(name, child.pid!);
  for (const service of MEASURED) meter.nameDatabase(new URL(platform.databaseUrl(service)).pathname.slice(1), service);
  meter.follow('kafka', kafka.pid);
  meter.follow('generator', generator.pid);
  meter.follow('bench', process.pid);
  return { kafka, postgres, platform, log, flow, meter, generator, door: { url: `${platform.process('ingestion').url}/v1/observations`, key: platform.credentials.writeKey } };
}

async function startPostgres(undo: (() => Promise<unknown>)[]): Promise<EmbeddedPostgres> {
  const directory = mkdtempSync(join(tmpdir(), 'yunke-bench-'));
  goesWithUs(directory);
  const postgres = await startEmbeddedPostgres({ directory, maxConnections: 300 });
  endWithUs(postgres.pid);
  undo.push(async () => {
    await postgres.stop();
    isGone(postgres.pid);
  });
  await requireDurable(postgres);
  return postgres;
}

/** A figure from a server that does not write is worth nothing. @throws Error */
async function requireDurable(postgres: EmbeddedPostgres): Promise<void> {
  const client = new Client({ connectionString: postgres.url('postgres') });
  await client.connect();
  try {
    const { rows } = await client.query<{ name: string; setting: string }>(`select name, setting from pg_settings where name in ('fsync', 'synchronous_commit', 'full_page_writes')`);
    const off = rows.filter(({ setting }) => setting !== 'on').map(({ name }) => name);
    if (off.length > 0) throw new Error(`Postgres runs without ${off.join(', ')}.`);
  } finally {
    await client.end();
  }
}
