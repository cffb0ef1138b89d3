import { createRequire } from 'node:module';

import { kafkaClient } from './kafka-client.js';
import { produceRequest } from './kafka-produce.js';
import { decodeRecord } from './kafka-records.js';
import { topicsSuite } from './kafka-topics.suite.js';
import { kafkaLog } from './kafka.js';
import { logSuite } from './log.suite.js';
import { eachFetch, type EventLog, type Fetch } from './log.js';

const brokers = process.env.TEST_KAFKA_BROKERS?.split(',');

if (brokers) {
  const options = { brokers, clientId: 'kafka-spec', log: () => undefined };
  logSuite('Kafka', async () => {
    const handles: EventLog[] = [];
    const open = async () => {
      const log = kafkaLog(options);
      handles.push(log);
      return log;
    };
    return { log: await open(), reopen: open, close: async () => void (await Promise.all(handles.map((log) => log.close()))) };
  });
  describe('what only Kafka has', () => ofKafka(options));
  describe('the topics of a Kafka cluster', () => topicsSuite(options));
} else if (process.env.CI) {
  it('Kafka part NOT RUN: TEST_KAFKA_BROKERS is not set', () => {
    throw new Error('Start one with `npm run kafka -- start`, or set it to a broker; see deploy/kafka.');
  });
} else {
  console.warn('Kafka part NOT RUN: TEST_KAFKA_BROKERS is not set (npm run kafka -- start prints one)');
  it('Kafka part NOT RUN: TEST_KAFKA_BROKERS is not set', () => undefined);
}

function ofKafka(options: { brokers: string[]; clientId: string; log: () => void }): void {
  let log: EventLog;
  const topicOf = async () => {
    const topic = `spec-${crypto.randomUUID()}`;
    await log.createTopics([{ topic, partitions: 1, retentionHours: 1, compacted: false }]);
    return topic;
  };
  /** The first fetch that a new member of the group hears. */
  const firstFetch = async (topic: string, group: string) => {
    const { promise, resolve, reject } = Promise.withResolvers<Fetch>();
    const consumption = await log.consume({
      group, topics: [topic], assigned: () => undefined, failed: reject,
      heard: eachFetch(async (fetch) => {
        resolve(fetch);
        return { kind: 'continue', at: fetch.next };
      }),
    });
    const fetch = await promise;
    await consumption.stop();
    return fetch;
  };

  beforeAll(() => {
    log = kafkaLog(options);
  });
  afterAll(() => log.close());

  it('leaves a hint of where a group stood', async () => {
    const topic = await topicOf();
    await log.append([{ topic, partition: 0, records: [{ key: null, value: 'one', headers: {} }] }]);
    expect(await firstFetch(topic, topic)).toMatchObject({ from: 0, next: 1 });
    await log.append([{ topic, partition: 0, records: [{ key: null, value: 'two', headers: {} }] }]);

    expect(await firstFetch(topic, topic)).toMatchObject({ from: 1, next: 2 });
  });

  it('tells where a fetch began, also when the first record lies behind a hole', async () => {
    const topic = await topicOf();
    const producer = kafkaClient(options).producer({ idempotent: true, maxInFlightRequests: 1, transactionalId: topic, createPartitioner: () => () => 0 });
    await producer.connect();
    for (const value of ['0', '2']) {
      const transaction = await producer.transaction();
      await transaction.send({ topic, messages: [{ value }] });
      await transaction.commit();
    }
    await producer.disconnect();
    const { promise, resolve, reject } = Promise.withResolvers<Fetch>();

    // Offset 1 is the mark of the first commit: nothing to read there.
    const consumption = await log.consume({
      group: topic, topics: [topic], assigned: () => undefined, failed: reject,
      heard: eachFetch(async (fetch) => {
        if (fetch.from === 1) resolve(fetch);
        return { kind: 'continue', at: fetch.from === 0 ? 1 : fetch.next };
      }),
    });

    expect(await promise).toMatchObject({ from: 1, next: 4, records: [{ offset: 2, value: '2' }] });
    await consumption.stop();
  });

  it('survives bytes that are no UTF-8, and headers that came twice', async () => {
    const topic = await topicOf();
    const producer = kafkaClient(options).producer({ createPartitioner: () => () => 0 });
    await producer.connect();
    await producer.send({ topic, messages: [{ key: Buffer.from([0xff]), value: Buffer.from([0xc3, 0x28, 0x41]), headers: { twice: ['a', 'b'], raw: Buffer.from([0xfe]) } }] });
    await producer.disconnect();

    const { records } = await firstFetch(topic, topic);

    expect(records).toEqual([{ offset: 0, key: '\ufffd', value: '\ufffd(A', headers: { twice: 'b', raw: '\ufffd' } }]);
  });

  it('tells when a listener breaks its word and throws', async () => {
    const topic = await topicOf();
    const { promise, resolve } = Promise.withResolvers<unknown>();
    const consumption = await log.consume({
      group: topic, topics: [topic], assigned: () => undefined, failed: resolve,
      heard: async () => {
        throw new Error('broken');
      },
    });
    await log.append([{ topic, partition: 0, records: [{ key: null, value: 'one', headers: {} }] }]);

    expect(await promise).toMatchObject({ message: 'broken' });
    await consumption.stop();
  });

  it('produces and fetches through our codec, not through the one of kafkajs', () => {
    const inKafkajs = (path: string): unknown => createRequire(import.meta.url)(`kafkajs/src/protocol/${path}`);
    expect([inKafkajs('requests/produce/v3/request'), inKafkajs('recordBatch/record/v0/decoder')]).toEqual([produceRequest, decodeRecord]);
  });
}
