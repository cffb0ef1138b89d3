import { setTimeout as pause } from 'node:timers/promises';

import { Kafka, logLevel, type Admin, type Consumer, type EachBatchPayload, type IHeaders, type Message } from 'kafkajs';

import { answerWith } from './worker.js';

/** Offsets `from` to `to` of a partition. */
export type Range = { readonly topic: string; readonly partition: number; readonly from: number; readonly to: number };
export type Question = { readonly brokers: string; readonly ranges: readonly Range[] };
/** Records per second, and CPU of this client per record in µs. */
export type RawKafka = { readonly records: number; readonly bytesPerRecord: number; readonly produce: number; readonly consume: number; readonly produceMicros: number; readonly consumeMicros: number };

const PARTITIONS = 12;
const RECORDS_PER_SEND = 1_000;
const TOPIC_WITHIN_MS = 30_000;

let warm = false;

/**
 * kafkajs as it comes, in a process that never loads our record encoder: produces and then consumes the very records that the
 * pipeline made, one after the other. The first time once without the clock.
 */
answerWith<Question>(async ({ brokers, ranges }): Promise<RawKafka> => {
  const kafka = new Kafka({ clientId: 'bench-raw', brokers: [brokers], logLevel: logLevel.NOTHING });
  const records = await readBack(kafka, ranges);
  if (!warm) await measure(kafka, records);
  warm = true;
  return measure(kafka, records);
});

async function measure(kafka: Kafka, records: readonly Message[]): Promise<RawKafka> {
  const admin = kafka.admin();
  await admin.connect();
  const topic = `bench.raw.${crypto.randomUUID()}`;
  await admin.createTopics({ waitForLeaders: false, topics: [{ topic, numPartitions: PARTITIONS, replicationFactor: 1 }] });
  try {
    await untilThere(admin, topic);
    const produced = await produce(kafka, topic, records);
    const consumed = await consume(kafka, topic, records.length);
    const bytes = records.reduce((total, { key, value, headers }) => total + key!.length + value!.length + bytesOf(headers!), 0);
    const rate = ({ seconds }: Timed): number => records.length / seconds;
    const cpu = ({ micros }: Timed): number => micros / records.length;
    return { records: records.length, bytesPerRecord: bytes / records.length, produce: rate(produced), consume: rate(consumed), produceMicros: cpu(produced), consumeMicros: cpu(consumed) };
  } finally {
    await admin.deleteTopics({ topics: [topic] });
    await admin.disconnect();
  }
}

/** kafkajs's own `waitForLeaders` gives up when it asks before the broker has heard of the topic. */
async function untilThere(admin: Admin, topic: string): Promise<void> {
  for (const until = performance.now() + TOPIC_WITHIN_MS; ; await pause(50)) {
    try {
      const { topics: [found] } = await admin.fetchTopicMetadata({ topics: [topic] });
      if (found!.partitions.filter(({ leader }) => leader >= 0).length === PARTITIONS) return;
    } catch (error) {
      if (performance.now() > until) throw error;
    }
  }
}

const bytesOf = (headers: IHeaders): number => Object.entries(headers).reduce((total, [name, value]) => total + name.length + (value as string).length, 0);

type Timed = { readonly seconds: number; readonly micros: number };

function stopwatch(): () => Timed {
  const [at, cpu] = [performance.now(), process.cpuUsage()];
  return () => {
    const { user, system } = process.cpuUsage(cpu);
    return { seconds: (performance.now() - at) / 1_000, micros: user + system };
  };
}

/** Batches of a thousand, acknowledged by all replicas, one after the other. */
async function produce(kafka: Kafka, topic: string, records: readonly Message[]): Promise<Timed> {
  const producer = kafka.producer({ allowAutoTopicCreation: false });
  await producer.connect();
  const batches = Array.from({ length: Math.ceil(records.length / RECORDS_PER_SEND) }, (_, n) => records.slice(n * RECORDS_PER_SEND, (n + 1) * RECORDS_PER_SEND));
  const stop = stopwatch();
  for (const messages of batches) await producer.sendBatch({ acks: -1, topicMessages: [{ topic, messages: messages as Message[] }] });
  const timed = stop();
  await producer.disconnect();
  return timed;
}

/** From the moment the partitions are ours until the last record came; the handler does nothing. */
async function consume(kafka: Kafka, topic: string, records: number): Promise<Timed> {
  const consumer = kafka.consumer({ groupId: topic, allowAutoTopicCreation: false });
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  let heard = 0;
  let stop = stopwatch();
  consumer.on(consumer.events.GROUP_JOIN, () => (stop = stopwatch()));
  const timed = await new Promise<Timed>((resolve, reject) => {
    const eachBatch = async ({ batch }: EachBatchPayload): Promise<void> => {
      heard += batch.messages.length;
      if (heard >= records) resolve(stop());
    };
    consumer.run({ autoCommit: false, eachBatch }).catch(reject);
  });
  await consumer.disconnect();
  return timed;
}

/** The records of these ranges, as a program has them before it produces: text. Their partitions take turns. */
async function readBack(kafka: Kafka, ranges: readonly Range[]): Promise<Message[]> {
  const consumer = kafka.consumer({ groupId: `bench-raw-${crypto.randomUUID()}`, allowAutoTopicCreation: false, maxWaitTimeInMs: 100 });
  await consumer.connect();
  try {
    await consumer.subscribe({ topics: [...new Set(ranges.map(({ topic }) => topic))], fromBeginning: true });
    return inTurns(await collect(consumer, ranges));
  } finally {
    await consumer.disconnect();
  }
}

async function collect(consumer: Consumer, ranges: readonly Range[]): Promise<Message[][]> {
  const wanted = new Map(ranges.map((range) => [`${range.topic}/${range.partition}`, range]));
  const partitions = Array.from({ length: PARTITIONS }, (): Message[] => []);
  await new Promise<void>((resolve, reject) => {
    const eachBatch = async ({ batch: { topic, partition, messages } }: EachBatchPayload): Promise<void> => {
      const range = wanted.get(`${topic}/${partition}`);
      if (!range) return;
      for (const { offset, key, value, headers } of messages) {
        if (Number(offset) < range.from || Number(offset) >= range.to) continue;
        partitions[partition]!.push({ partition, key: key!.toString(), value: value!.toString(), headers: textsOf(headers!) });
        if (Number(offset) === range.to - 1) wanted.delete(`${topic}/${partition}`);
      }
      if (wanted.size === 0) resolve();
    };
    consumer.run({ autoCommit: false, eachBatch }).then(() => {
      for (const { topic, partition, from } of ranges) consumer.seek({ topic, partition, offset: String(from) });
    }, reject);
  });
  return partitions;
}

const textsOf = (headers: IHeaders): IHeaders => Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]));

function inTurns(partitions: readonly Message[][]): Message[] {
  const longest = Math.max(...partitions.map(({ length }) => length));
  return Array.from({ length: longest }, (_, n) => partitions.flatMap((messages) => messages[n] ?? [])).flat();
}
