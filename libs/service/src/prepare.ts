import { applyTopics, checkTopics, type KafkaOptions, type TopicState } from '@yunke/events';
import { Db, migrate } from '@yunke/postgres';

import { databaseConfig } from './database-config.js';
import { kafkaConfig } from './kafka-config.js';
import { partitionsSetting } from './platform-config.js';
import { declaredTopics, migrationsOf, untilPossible, type Service } from './service.js';
import { Settings } from './settings.js';

type Environment = Readonly<Record<string, string | undefined>>;

/** Brings the databases of these services to the schema that this program needs; an outage is waited out. @throws Error that lists all faults of the configuration */
export async function migrateServices(services: readonly Service[], say: (line: string) => void, environment: Environment = process.env): Promise<void> {
  const settings = new Settings(environment);
  const database = databaseConfig(settings, services.length);
  if (!database) settings.fault('YUNKE_DATABASE_URL', 'is missing');
  settings.check();
  for (const service of services) {
    const options = { url: database!.urlOf(service.name), ...(database!.ca && { ca: database!.ca }), applicationName: `yunke-${service.name}-migrate`, migrations: migrationsOf(service), poolSize: 2 };
    const waiting = (error: unknown): void => say(`${service.name}: waiting for its database: ${(error as Error).message}`);
    const db = await untilPossible(() => Db.open(options), waiting);
    try {
      await untilPossible(() => migrate(db), waiting);
    } finally {
      await db.close();
    }
    say(`${service.name}: its schema is up to date`);
  }
}

/** Compares the topics of the contracts with those of the cluster, or makes them so. True when nothing differs afterwards. @throws Error that lists all faults of the configuration */
export async function prepareTopics(action: 'apply' | 'check', say: (line: string) => void, environment: Environment = process.env): Promise<boolean> {
  const settings = new Settings(environment);
  const kafka = kafkaConfig(settings);
  const declared = declaredTopics(partitionsSetting(settings));
  if (!kafka) settings.fault('KAFKA_BROKERS', 'is missing');
  settings.check();
  const options: KafkaOptions = { ...kafka!, clientId: 'yunke-topics', log: (_level, message) => say(`kafka: ${message}`) };
  const work = action === 'apply' ? applyTopics : checkTopics;
  const states = await untilPossible(() => work(options, declared), (error) => say(`waiting for Kafka: ${(error as Error).message}`));
  for (const state of states) say(described(state, action));
  return states.every(({ is }) => is === 'right' || (action === 'apply' && is !== 'partitions'));
}

function described(state: TopicState, action: 'apply' | 'check'): string {
  switch (state.is) {
    case 'right': return `${state.topic}: as declared`;
    case 'missing': return `${state.topic}: ${action === 'apply' ? 'created' : 'missing'}`;
    case 'settings': return `${state.topic}: ${state.settings.map(({ name, declared, actual }) => `${name} was ${actual}, declared ${declared}`).join('; ')}${action === 'apply' ? ': set' : ''}`;
    case 'partitions': return `${state.topic}: has ${state.actual} partitions, declared ${state.declared}: never changed here, a key would lose its order. Set YUNKE_PARTITIONS to what the installation began with`;
  }
}
