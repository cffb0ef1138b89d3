import type { Stream } from '@yunke/contracts';
import { embeddedLog, kafkaLog, type EventLog } from '@yunke/events';
import { eventually, readAll, type Said } from '@yunke/testing';

import { attachedPlatform } from '../platform/attached.js';
import { startPlatform, type Platform, type ServiceName } from '../platform/platform.js';

/** What a journey has in its hands. */
export type Stage = {
  readonly platform: Platform;
  /** Sends native observations with the shop's server key; fails unless every one is accepted. */
  readonly send: (...observations: readonly Record<string, unknown>[]) => Promise<void>;
  /** Asks the API as an operator. */
  readonly get: (service: ServiceName, path: string) => Promise<any>;
  readonly post: (service: ServiceName, path: string, body?: object) => Promise<{ status: number; body: any }>;
  /** What is on a topic now. */
  readonly said: (stream: Stream) => Promise<Said[]>;
  readonly eventually: typeof eventually;
};

/** A file that says where a platform is that runs already: then the journeys are played on that one. */
const attached = process.env['YUNKE_ATTACH'];
const shape = attached ? 'cluster' : process.env['YUNKE_SHAPE'] === 'split' ? 'split' : 'one';
const SHAPES = { one: 'one process', split: 'split, on Kafka', cluster: 'on a cluster' };

let stage: (Stage & { log: EventLog }) | undefined;

/** A journey: the same file in one process on the embedded log, and split into processes on Kafka (`YUNKE_SHAPE=split`). */
export function journey(name: string, play: (stage: Stage) => Promise<void>, withinMs = 120_000): void {
  it(`${name} (${SHAPES[shape]})`, async () => play((stage ??= await setUp())), withinMs);
}

afterAll(async () => {
  await stage?.log.close();
  await stage?.platform.stop();
}, 60_000);

async function setUp(): Promise<Stage & { log: EventLog }> {
  const brokers = process.env['TEST_KAFKA_BROKERS'];
  if (shape === 'split' && !brokers) throw new Error('The split journeys need TEST_KAFKA_BROKERS.');
  const platform = attached ? attachedPlatform(attached) : await startPlatform({ shape: shape === 'one' ? 'one' : 'split', postgresUrl: process.env['TEST_POSTGRES_URL']!, env: { YUNKE_EGRESS_ALLOW: '127.0.0.1/32' }, ...(shape === 'split' && { brokers: brokers! }) });
  const log = shape !== 'one' ? kafkaLog({ brokers: brokers!.split(','), clientId: 'journey' }) : await embeddedLog(platform.databaseUrl('log' as ServiceName));
  const headers = { authorization: `Bearer ${platform.credentials.apiToken}`, 'content-type': 'application/json' };
  const ask = async (service: ServiceName, path: string, init: RequestInit): Promise<{ status: number; body: any }> => {
    const response = await fetch(`${platform.process(service).url}${path}`, { ...init, headers });
    return { status: response.status, body: await response.json() };
  };
  return {
    platform, log, eventually,
    said: (stream) => readAll(log, stream),
    post: (service, path, body) => ask(service, path, { method: 'POST', body: JSON.stringify(body ?? {}) }),
    async get(service, path) {
      const { status, body } = await ask(service, path, {});
      if (status !== 200) throw Object.assign(new Error(`${path}: ${status} ${body.code}`), { status, body });
      return body;
    },
    async send(...observations) {
      const response = await fetch(`${platform.process('ingestion').url}/v1/observations`, { method: 'POST', headers: { ...headers, authorization: `Bearer ${platform.credentials.writeKey}` }, body: JSON.stringify({ observations }) });
      const receipt = (await response.json()) as { accepted: number; results: unknown[] };
      if (response.status !== 202 || receipt.accepted !== observations.length) throw new Error(`not accepted: ${response.status} ${JSON.stringify(receipt)}`);
    },
  };
}

