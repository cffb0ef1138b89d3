import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';

import { embeddedLog, kafkaLog, type EventLog } from '@yunke/events';
import { startEmbeddedPostgres, type EmbeddedPostgres } from '@yunke/postgres';

import { TokenKeys } from './auth.js';
import { bootstrapKeys, ownCredentials, type Credentials } from './credentials.js';
import { createOuterServer } from './edge/server.js';
import { createLogger, type Logger } from './logger.js';
import { startOperations } from './operations/operations.module.js';
import { importTokenKeys, platformConfig, type PlatformConfig } from './platform-config.js';
import { ThisProcess } from './operations/this-process.js';
import { startService, untilPossible, type RunningService, type Service } from './service.js';
import { Settings } from './settings.js';

const STOP_WITHIN_MS = 30_000;

export type RunOptions = {
  /** For one machine: keys and secrets are made at the first start and kept beside the data. */
  readonly ownCredentials?: boolean;
  readonly environment?: Readonly<Record<string, string | undefined>>;
};

export type Running = {
  readonly url: string;
  readonly config: PlatformConfig;
  /** Where the installation's own credentials are, and whether they were made just now. */
  readonly credentials?: { readonly file: string; readonly fresh: boolean; readonly values: Credentials };
  readonly services: readonly RunningService[];
  readonly log: EventLog;
  stop(): Promise<void>;
};

/**
 * Starts services in this process and runs until SIGINT or SIGTERM: checks every configuration first, then listens and tells that it
 * lives and is not ready; opens the log and the databases, and starts and mounts each service. A signal makes it say that it is not
 * ready, answer for the drain's time and stop in reverse. The choice between Kafka and the embedded log is made here only.
 * @throws Error that lists all faults of the configuration
 */
export async function run(services: readonly Service[], options: RunOptions = {}): Promise<Running> {
  let environment = options.environment ?? process.env;
  const own = options.ownCredentials ? await ownCredentials(environment['YUNKE_DATA'] ?? '.yunke') : undefined;
  if (own) environment = { YUNKE_SECRET: own.credentials.secret, YUNKE_TOKEN_KEYS: own.credentials.tokenKey, YUNKE_BOOTSTRAP_KEYS: bootstrapKeys(own.credentials), ...environment };
  const settings = new Settings(environment);
  const config = platformConfig(settings, services.length);
  for (const { config: Config } of services) if (Config) new Config(settings);
  settings.check();

  const logger = createLogger(config.logLevel);
  const stops: (() => Promise<unknown>)[] = [];
  const here = new ThisProcess(services.map(({ name }) => name));
  const outer = createOuterServer({ log: logger });
  const stop = async (): Promise<void> => {
    here.stopping = true;
    await outer.close(STOP_WITHIN_MS / 2);
    for (const each of stops.splice(0).reverse()) await each().catch((error: unknown) => logger.error({ error }, 'stopping'));
  };
  const failed = (error: unknown): void => {
    logger.fatal({ error }, 'cannot go on');
    process.exitCode = 1;
    void stop().finally(() => process.exit(1));
  };

  try {
    const tokenKeys = new TokenKeys(await importTokenKeys(config.tokenKeys));
    const operations = await startOperations(here, { tokenKeys, logger });
    stops.push(() => operations.app.close());
    outer.mount(['/health', '/metrics', '/openapi.json', '/openapi', '/api/operations'], operations.handler);
    const port = await listen(outer.server, config);
    onSignals(config.drainMs, async () => {
      here.stopping = true;
      if (here.services.length === services.length) await outer.drain(config.drainMs);
      await stop();
      if (here.services.length < services.length) process.exit(); // what still waits for its database would wait on
    }, logger.info.bind(logger));
    const { databaseUrl, log } = await openPlatform(config, { services, stops, logger });
    for (const service of services) {
      const running = await startService(service, { databaseUrl: databaseUrl(service.name), ...(config.database?.ca && { databaseCa: config.database.ca }), log, settings, tokenKeys, logger, failed, secret: config.secret, partitions: config.partitions, migrate: config.migrate });
      stops.push(() => running.stop());
      here.services.push(running);
      outer.mount([...service.routes], running.handler);
    }
    outer.complete();
    return { url: `http://${config.host}:${port}`, config, services: here.services, log, stop, ...(own && { credentials: { file: own.file, fresh: own.fresh, values: own.credentials } }) };
  } catch (error) {
    await stop();
    throw error;
  }
}

type Opening = { readonly services: readonly Service[]; readonly stops: (() => Promise<unknown>)[]; readonly logger: Logger };

/** The databases and the log: what was named in the configuration, else the embedded ones. */
async function openPlatform(config: PlatformConfig, { services, stops, logger }: Opening): Promise<{ databaseUrl: (service: string) => string; log: EventLog }> {
  let embedded: EmbeddedPostgres | undefined;
  const postgres = async (): Promise<EmbeddedPostgres> => {
    if (!embedded) {
      const started = (embedded = await startEmbeddedPostgres({ directory: join(config.data, 'postgres') }));
      stops.push(() => started.stop());
    }
    return embedded;
  };
  let databaseUrl = config.database?.urlOf;
  if (!databaseUrl) {
    const server = await postgres();
    for (const { name } of services) await server.createDatabase(`yunke_${name}`);
    databaseUrl = (service) => server.url(`yunke_${service}`);
  }
  if (!config.database && !config.kafka) await (await postgres()).createDatabase('yunke_log');
  const clientId = `yunke-${services.map(({ name }) => name).join('-')}`;
  const log = config.kafka ? kafkaLog({ ...config.kafka, clientId, log: (level, message, about) => logger[level](about, `kafka: ${message}`) }) : await untilPossible(() => embeddedLog(databaseUrl('log')), (error) => logger.warn({ error }, 'waiting for the log'));
  stops.push(() => log.close());
  return { databaseUrl, log };
}

function listen(server: Server, { port, host }: PlatformConfig): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject).listen(port, host, () => resolve((server.address() as AddressInfo).port));
  });
}

function onSignals(drainMs: number, stop: () => Promise<void>, say: (message: string) => void): void {
  let stopping = false;
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      if (stopping) return;
      stopping = true;
      say(`${signal}: stopping`);
      setTimeout(() => process.exit(1), drainMs + STOP_WITHIN_MS).unref();
      void stop();
    });
  }
}
