import { kafkaClient, type KafkaOptions } from './kafka-client.js';
import { applyTopics, checkTopics } from './kafka-topics.js';
import type { TopicSpec } from './log.js';

const unique = (): string => `spec-${crypto.randomUUID()}`;

/** What `yunke topics` promises, on a real cluster. */
export function topicsSuite(options: KafkaOptions): void {
  const admin = kafkaClient(options).admin();
  beforeAll(() => admin.connect());
  afterAll(() => admin.disconnect());

  it('are made as declared, once', async () => {
    const events: TopicSpec = { topic: unique(), partitions: 3, retentionHours: 24, compacted: false };
    const state: TopicSpec = { topic: unique(), partitions: 1, retentionHours: 0, compacted: true };

    expect(await checkTopics(options, [events, state])).toEqual([{ topic: events.topic, is: 'missing' }, { topic: state.topic, is: 'missing' }]);
    expect(await applyTopics(options, [events, state])).toEqual([{ topic: events.topic, is: 'missing' }, { topic: state.topic, is: 'missing' }]);
    expect(await checkTopics(options, [events, state])).toEqual([{ topic: events.topic, is: 'right' }, { topic: state.topic, is: 'right' }]);
  });

  it('get the declared retention and compaction, and keep what somebody else has set', async () => {
    const spec: TopicSpec = { topic: unique(), partitions: 1, retentionHours: 24, compacted: false };
    await admin.createTopics({ topics: [{ topic: spec.topic, numPartitions: 1, replicationFactor: 1, configEntries: [{ name: 'retention.ms', value: '1000' }, { name: 'max.message.bytes', value: '2000000' }] }] });

    expect(await applyTopics(options, [spec])).toEqual([{ topic: spec.topic, is: 'settings', settings: [{ name: 'retention.ms', declared: '86400000', actual: '1000' }] }]);

    expect(await checkTopics(options, [spec])).toEqual([{ topic: spec.topic, is: 'right' }]);
    const { resources } = await admin.describeConfigs({ includeSynonyms: false, resources: [{ type: 2, name: spec.topic, configNames: ['max.message.bytes'] }] });
    expect(resources[0]!.configEntries[0]).toMatchObject({ configValue: '2000000' });
  });

  it('never change their number of partitions', async () => {
    const spec: TopicSpec = { topic: unique(), partitions: 2, retentionHours: 24, compacted: false };
    await applyTopics(options, [spec]);

    const state = { topic: spec.topic, is: 'partitions', declared: 4, actual: 2 };
    expect(await applyTopics(options, [{ ...spec, partitions: 4 }])).toEqual([state]);
    expect(await checkTopics(options, [{ ...spec, partitions: 4 }])).toEqual([state]);
  });
}
