import { Module, type DynamicModule, type Type } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';

import { streams, type Stream } from '@yunke/contracts';
import { LogTransport, Relay, eventMigrations, giveVoice, partitionsOf, settle, type EventLog, type Listener, type TopicSpec } from '@yunke/events';
import { Db, isTransient, migrate, requireMigrated, type MigrationClass } from '@yunke/postgres';
import { TimerTables1700000000003, TimerTransport } from '@yunke/timers';

import { TokenGuard, TokenKeys } from './auth.js';
import { createApplication } from './edge/application.js';
import type { Handler } from './edge/server.js';
import { nestLogger, type Logger } from './logger.js';
import { Vitals } from './operations/vitals.js';
import type { Settings } from './settings.js';

/** A deployable with one purpose and its own database, as a value: `run` starts one, several or all of them. */
export type Service = {
  readonly name: string;
  readonly module: Type;
  /** Path prefixes that it answers. */
  readonly routes: readonly string[];
  /** A class that reads the service's own settings; its instance can be injected. */
  readonly config?: new (settings: Settings) => object;
  /** Sets gauges of its own from its database, when somebody reads the metrics. */
  readonly measure?: (db: Db) => Promise<void>;
  readonly migrations: readonly MigrationClass[];
};

export type StartOptions = {
  readonly databaseUrl: string;
  /** PEM; what the database server's certificate is checked against. */
  readonly databaseCa?: string;
  readonly log: EventLog;
  readonly settings: Settings;
  readonly secret: string;
  readonly partitions: number;
  readonly tokenKeys: TokenKeys;
  readonly migrate: 'run' | 'wait';
  readonly logger: Logger;
  /** The process cannot go on. */
  readonly failed: (error: unknown) => void;
};

export type RunningService = {
  readonly service: Service;
  readonly db: Db;
  readonly app: NestFastifyApplication;
  readonly listener: Listener | undefined;
  readonly handler: Handler;
  readonly vitals: Vitals;
  stop(): Promise<void>;
};

/** The migrations of a service: what hearing, saying and waiting need, then its own. */
export const migrationsOf = (service: Service): MigrationClass[] => [...eventMigrations, TimerTables1700000000003, ...service.migrations];

@Module({})
class Host {
  /** The service's module with what every service may inject: its database and its settings. */
  static of(service: Service, { db, config, tokenKeys }: { db: Db; config: object; tokenKeys: TokenKeys }): DynamicModule {
    const values = [{ provide: Db, useValue: db }, { provide: TokenKeys, useValue: tokenKeys }, ...(service.config ? [{ provide: service.config, useValue: config }] : [])];
    return { module: Host, global: true, imports: [service.module], providers: [...values, { provide: APP_GUARD, useClass: TokenGuard }], exports: values };
  }
}

/**
 * Starts one service: database and schema, topics, handlers, timers, relay. It does not listen: `handler` answers requests.
 * An outage of the database or the log is waited out, so that services may start in any order.
 */
export async function startService(service: Service, options: StartOptions): Promise<RunningService> {
  const { log, settings, secret, partitions, logger } = options;
  const config = service.config ? new service.config(settings) : {};
  settings.check();
  const report = (level: 'warn' | 'error', message: string, about: Record<string, unknown>) => logger[level]({ service: service.name, ...about }, message);
  const patiently = <T>(what: string, work: () => Promise<T>) => untilPossible(work, (error) => report('warn', `waiting for ${what}`, { error }));

  const db = await patiently('the database', () => Db.open({ url: options.databaseUrl, ...(options.databaseCa && { ca: options.databaseCa }), applicationName: `yunke-${service.name}`, migrations: migrationsOf(service), poolSize: 16 }));
  await patiently('the schema', () => (options.migrate === 'run' ? migrate(db) : requireMigrated(db)));
  const { epoch } = await settle(db, partitions);
  const relay = new Relay({ db, log, service: service.name, epoch, report });
  giveVoice(db, { service: service.name, secret, partitions, epoch, said: (rows) => relay.said(rows) });

  const { app, handler } = await createApplication(Host.of(service, { db, config, tokenKeys: options.tokenKeys }), { log: logger, isTransient, nestLogger: nestLogger(logger), service: service.name });
  const hearing = new LogTransport({ db, log, service: service.name, group: `yunke.${service.name}`, report, failed: options.failed });
  const timing = new TimerTransport({ db, log, service: service.name, topics: () => hearing.topics, report });
  app.connectMicroservice({ strategy: hearing });
  app.connectMicroservice({ strategy: timing });
  await patiently('the log', () => log.createTopics(topicsOf(service, hearing.topics, partitions)));
  await app.startAllMicroservices();
  relay.start();

  return {
    service, db, app, listener: hearing.listener, handler,
    vitals: new Vitals({ service: service.name, db, log, topics: hearing.topics, timerKinds: timing.kinds, report, ...(service.measure && { measure: service.measure }) }),
    async stop() {
      await app.close(); // stops hearing and timers: the chunk in hand ends, the group is left
      await relay.stop();
      await db.close();
    },
  };
}

/** The topics that a service says or hears: whoever starts first makes them. */
const topicsOf = ({ name }: Service, heard: readonly string[], partitions: number): TopicSpec[] =>
  declaredTopics(partitions, ({ service, topic }) => service === name || heard.includes(topic));

/** The topics of the contracts, for an installation of so many partitions; all of them unless told. */
export function declaredTopics(partitions: number, wanted: (stream: Stream) => boolean = () => true): TopicSpec[] {
  return Object.values<Stream>(streams).filter(wanted)
    .map((stream) => ({ topic: stream.topic, retentionHours: stream.retentionHours, compacted: stream.compacted, partitions: partitionsOf(stream, partitions) }));
}

/** Tries until it works. What cannot pass (a wrong password, a broken rule) is thrown. */
export async function untilPossible<T>(work: () => Promise<T>, waiting: (error: unknown) => void): Promise<T> {
  for (let attempt = 0; ; attempt += 1) {
    try {
      return await work();
    } catch (error) {
      if (!isTransient(error) && (error as { retriable?: unknown }).retriable !== true) throw error;
      waiting(error);
      await new Promise((resolve) => setTimeout(resolve, Math.min(5_000, 200 * 2 ** attempt)));
    }
  }
}
