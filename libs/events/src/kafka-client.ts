import { createRequire } from 'node:module';

import type * as KafkaJs from 'kafkajs';

import { produceRequest } from './kafka-produce.js';
import { decodeRecord } from './kafka-records.js';

export type KafkaOptions = {
  /** `host:port` of some brokers; the others are found through them. */
  readonly brokers: readonly string[];
  readonly clientId: string;
  /** true, or what `node:tls` takes (ca, cert, key …). */
  readonly ssl?: KafkaJs.KafkaConfig['ssl'];
  readonly sasl?: { readonly mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512'; readonly username: string; readonly password: string };
  /** Of topics that are created; otherwise three, or as many as there are brokers. */
  readonly replicationFactor?: number;
  /** kafkajs's own words from `warn` up, also about what it goes on to retry; never a key, a value or a header. The console unless given. */
  readonly log?: (level: 'warn' | 'error', message: string, extra: Record<string, unknown>) => void;
};

const require = createRequire(import.meta.url);

/** kafkajs has had no release since 2023: we reach into it in three places, and only into the version those were checked against. */
const PATCHED = '2.2.4';

const { Kafka, logLevel } = patched();

function patched(): typeof KafkaJs {
  const { version } = require('kafkajs/package.json') as { version: string };
  if (version !== PATCHED) throw new Error(`kafkajs is ${version}; kafka-client.ts patches ${PATCHED} only: check the patches first.`);
  leanRecords();
  quietQueue();
  return require('kafkajs') as typeof KafkaJs;
}

/** Its requests ask for these modules when they are first made, so they find ours. */
function leanRecords(): void {
  for (const [path, ours] of [['requests/produce/v3/request', produceRequest], ['recordBatch/record/v0/decoder', decodeRecord]] as const) {
    const module = `kafkajs/src/protocol/${path}`;
    require(module);
    require.cache[require.resolve(module)]!.exports = ours;
  }
}

/**
 * Its request queue sets a timer even when nothing is pending, with a delay of minus the present time: a
 * TimeoutNegativeWarning since Node 24, and on every connection a thousand wake-ups a second for ever.
 */
function quietQueue(): void {
  type Queue = { pending: unknown[]; scheduleCheckPendingRequests(): void };
  const { prototype } = require('kafkajs/src/network/requestQueue') as { prototype: Queue };
  const schedule = prototype.scheduleCheckPendingRequests;
  prototype.scheduleCheckPendingRequests = function (this: Queue) {
    if (this.pending.length > 0) schedule.call(this);
  };
}

/**
 * A client of its own for every producer, admin and consumer: members of one group made from the same client share one table
 * of committed offsets, and each join of one clears it for all.
 */
export function kafkaClient(options: KafkaOptions): KafkaJs.Kafka {
  return new Kafka({
    clientId: options.clientId,
    brokers: [...options.brokers],
    ssl: options.ssl,
    // The union of kafkajs wants each mechanism spelled out.
    sasl: options.sasl as KafkaJs.SASLOptions | undefined,
    connectionTimeout: 3000,
    requestTimeout: 10_000,
    // All of it spelled out: with NODE_ENV=test kafkajs takes other defaults, and tests would prove something else.
    retry: { initialRetryTime: 300, maxRetryTime: 5000, factor: 0.2, multiplier: 2, retries: 5 },
    logLevel: logLevel.WARN,
    logCreator: () => logTo(options.log ?? toConsole),
  });
}

const toConsole: NonNullable<KafkaOptions['log']> = (level, message, extra) => console[level](`kafka: ${message}`, extra);

function logTo(log: NonNullable<KafkaOptions['log']>): (entry: KafkaJs.LogEntry) => void {
  return ({ level, log: { message, timestamp: _at, logger: _name, ...extra } }) => {
    // We limit retries on purpose: after a failed send comes a new producer with the same batch (design §3.3).
    if (message.startsWith('Limiting retries for the idempotent producer')) return;
    // So replicas come and go.
    if (`${message} ${String(extra['error'])}`.includes('The group is rebalancing')) return;
    // What a broker answered kafkajs tries again, or throws in the end: an error only then, and told by whoever catches it.
    log(level === logLevel.ERROR && !message.startsWith('Response ') ? 'error' : 'warn', message, extra);
  };
}

/** Waits for a farewell, but not long: with a frozen broker kafkajs waits for two requests to time out. Never rejects. */
export async function within(ms: number, farewell: Promise<unknown> | undefined): Promise<void> {
  const late = Promise.withResolvers<void>();
  const timer = setTimeout(late.resolve, ms);
  await Promise.race([farewell?.catch(() => {}), late.promise]);
  clearTimeout(timer);
}
