import type { Admin, DescribeConfigResponse } from 'kafkajs';

import { kafkaClient, within, type KafkaOptions } from './kafka-client.js';
import { configEntriesOf, kafkaLog } from './kafka.js';
import type { TopicSpec } from './log.js';

/** One declared topic beside the one on the cluster. `partitions` that differ are never changed: a key would move and lose its order. */
export type TopicState =
  | { readonly topic: string; readonly is: 'missing' | 'right' }
  | { readonly topic: string; readonly is: 'partitions'; readonly declared: number; readonly actual: number }
  | { readonly topic: string; readonly is: 'settings'; readonly settings: readonly { readonly name: string; readonly declared: string; readonly actual: string }[] };

const TOPIC = 2; // kafkajs's ConfigResourceTypes, which an ES module cannot import by name
const SET_ON_THE_TOPIC = 1;

/** Compares the declared topics with those of the cluster: existence, partitions, retention and compaction. Changes nothing. */
export async function checkTopics(options: KafkaOptions, declared: readonly TopicSpec[]): Promise<TopicState[]> {
  return withAdmin(options, (admin) => compare(admin, declared));
}

/**
 * Creates what is missing and sets retention and compaction as declared; other settings of a topic stay as they are. It never
 * changes a number of partitions and never deletes. Returns how the topics stood before.
 */
export async function applyTopics(options: KafkaOptions, declared: readonly TopicSpec[]): Promise<TopicState[]> {
  const before = await checkTopics(options, declared);
  const missing = declared.filter(({ topic }) => before.some((state) => state.topic === topic && state.is === 'missing'));
  const log = kafkaLog(options);
  try {
    await log.createTopics(missing);
  } finally {
    await log.close();
  }
  await withAdmin(options, async (admin) => {
    for (const state of before) if (state.is === 'settings') await set(admin, state.topic, state.settings);
  });
  return before;
}

async function compare(admin: Admin, declared: readonly TopicSpec[]): Promise<TopicState[]> {
  const existing = new Set(await admin.listTopics());
  const found = declared.map(({ topic }) => topic).filter((topic) => existing.has(topic));
  const partitions = new Map((await admin.fetchTopicMetadata({ topics: found })).topics.map((one) => [one.name, one.partitions.length]));
  const settings = found.length > 0 ? await describe(admin, found) : new Map<string, Entries>();
  return declared.map((spec): TopicState => {
    const { topic } = spec;
    const actual = partitions.get(topic);
    if (!existing.has(topic) || actual === undefined) return { topic, is: 'missing' };
    if (actual !== spec.partitions) return { topic, is: 'partitions', declared: spec.partitions, actual };
    const differing = configEntriesOf(spec).map(({ name, value }) => ({ name, declared: value, actual: settings.get(topic)?.find(({ configName }) => configName === name)?.configValue ?? '' }))
      .filter((entry) => entry.declared !== entry.actual);
    return differing.length > 0 ? { topic, is: 'settings', settings: differing } : { topic, is: 'right' };
  });
}

type Entries = DescribeConfigResponse['resources'][number]['configEntries'];

async function describe(admin: Admin, topics: readonly string[]): Promise<Map<string, Entries>> {
  const { resources } = await admin.describeConfigs({ includeSynonyms: false, resources: topics.map((name) => ({ type: TOPIC, name })) });
  return new Map(resources.map(({ resourceName, configEntries }) => [resourceName, configEntries]));
}

/** Kafka's AlterConfigs replaces all settings of a topic: those that somebody else has set are said again. */
async function set(admin: Admin, topic: string, settings: readonly { name: string; declared: string }[]): Promise<void> {
  const entries = (await describe(admin, [topic])).get(topic) ?? [];
  const kept = entries.filter(({ configSource, configName }) => Number(configSource) === SET_ON_THE_TOPIC && !settings.some(({ name }) => name === configName));
  const configEntries = [...kept.map(({ configName, configValue }) => ({ name: configName, value: configValue })), ...settings.map(({ name, declared }) => ({ name, value: declared }))];
  await admin.alterConfigs({ validateOnly: false, resources: [{ type: TOPIC, name: topic, configEntries }] });
}

async function withAdmin<T>(options: KafkaOptions, work: (admin: Admin) => Promise<T>): Promise<T> {
  const admin = kafkaClient(options).admin();
  await admin.connect();
  try {
    return await work(admin);
  } finally {
    await within(5_000, admin.disconnect());
  }
}
