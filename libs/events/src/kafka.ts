import type { Admin, ITopicConfig, Message, Producer } from 'kafkajs';

import { Problem } from '@yunke/kernel';

import { kafkaClient, within, type KafkaOptions } from './kafka-client.js';
import { consumeKafka } from './kafka-consumption.js';
import type { Append, ConsumeOptions, Consumption, EventLog, TopicSpec, Watermark } from './log.js';

/** Of one produce request. A broker refuses a record batch of more than 1 MiB unless told otherwise, and refuses it for ever. */
const REQUEST_BYTES = 900_000;
const TOPICS_WITHIN_MS = 15_000;
const DISCONNECT_WITHIN_MS = 5000;

export type { KafkaOptions } from './kafka-client.js';

/** The log on a Kafka cluster. Connects when first used; every error of the cluster is thrown to the caller, who tries again. */
export function kafkaLog(options: KafkaOptions): EventLog {
  return new KafkaLog(options);
}

class KafkaLog implements EventLog {
  readonly #consumptions = new Set<Consumption>();
  #lastSend: Promise<void> = Promise.resolve();
  #producer: Promise<Producer> | undefined;
  #admin: Promise<Admin> | undefined;
  #closed = false;

  constructor(private readonly options: KafkaOptions) {}

  createTopics(topics: readonly TopicSpec[]): Promise<void> {
    return this.#withAdmin(async (admin) => {
      const existing = new Set(await admin.listTopics());
      const missing = topics.filter(({ topic }) => !existing.has(topic));
      if (missing.length > 0) {
        const replicas = this.options.replicationFactor ?? Math.min(3, (await admin.describeCluster()).brokers.length);
        await admin.createTopics({ topics: missing.map((topic) => configOf(topic, replicas)) });
      }
      await checkPartitions(admin, topics);
    });
  }

  /** One produce request in flight, whoever calls: with two, one lost acknowledgement loses an acknowledged record (kafkajs #1005). */
  append(batch: readonly Append[]): Promise<void> {
    const sent = this.#lastSend.then(() => this.#send(batch));
    this.#lastSend = sent.catch(() => {});
    return sent;
  }

  async consume(options: ConsumeOptions): Promise<Consumption> {
    const consumption = await consumeKafka(this.options, options);
    this.#consumptions.add(consumption);
    return consumption;
  }

  watermarks(topics: readonly string[]): Promise<Map<string, Watermark[]>> {
    return this.#withAdmin(async (admin) => {
      const marks = new Map<string, Watermark[]>();
      for (const topic of topics) {
        const partitions = await admin.fetchTopicOffsets(topic);
        partitions.sort((a, b) => a.partition - b.partition);
        marks.set(topic, partitions.map(({ low, high }) => ({ low: Number(low), high: Number(high) })));
      }
      return marks;
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all([...this.#consumptions].map((consumption) => consumption.stop()));
    await within(DISCONNECT_WITHIN_MS, this.#lastSend);
    await Promise.all([farewell(this.#producer), farewell(this.#admin)]);
  }

  async #send(batch: readonly Append[]): Promise<void> {
    for (const request of requestsOf(batch)) {
      this.#producer ??= this.#newProducer();
      try {
        await produce(await this.#producer, request);
      } catch (error) {
        // Never again on this producer: it may give the next batch the sequence numbers of the one that failed, and the
        // broker would drop that as a duplicate. Whatever a new producer doubles is dropped by number.
        void farewell(this.#producer);
        this.#producer = undefined;
        throw error;
      }
    }
  }

  async #newProducer(): Promise<Producer> {
    this.#refuseWhenClosed();
    const producer = kafkaClient(this.options).producer({
      idempotent: true,
      maxInFlightRequests: 1,
      allowAutoTopicCreation: false,
      retry: { retries: 3 },
      createPartitioner: () => () => { throw new Error('Partitions are stored, never computed here.'); },
    });
    await producer.connect();
    return producer;
  }

  async #withAdmin<T>(work: (admin: Admin) => Promise<T>): Promise<T> {
    this.#admin ??= this.#newAdmin();
    const current = this.#admin;
    try {
      return await work(await current);
    } catch (error) {
      if (this.#admin === current) this.#admin = undefined;
      void farewell(current);
      throw error;
    }
  }

  async #newAdmin(): Promise<Admin> {
    this.#refuseWhenClosed();
    const admin = kafkaClient(this.options).admin();
    await admin.connect();
    return admin;
  }

  #refuseWhenClosed(): void {
    if (this.#closed) throw new Problem('unavailable', 'log.closed', 'The log was closed.');
  }
}

const farewell = (client: Promise<Producer | Admin> | undefined): Promise<void> =>
  within(DISCONNECT_WITHIN_MS, client?.then((connected) => connected.disconnect()));

type Request = Map<string, Map<number, Message[]>>;

/** The batch as one request or, when it is large, several that are sent one after the other. */
function* requestsOf(batch: readonly Append[]): Generator<Request> {
  let request: Request = new Map();
  let bytes = 0;
  for (const { topic, partition, records } of batch) {
    for (const record of records) {
      const size = sizeOf(record);
      if (bytes > 0 && bytes + size > REQUEST_BYTES) {
        yield request;
        request = new Map();
        bytes = 0;
      }
      bytes += size;
      listIn(request, topic, partition).push(record);
    }
  }
  if (bytes > 0) yield request;
}

function listIn(request: Request, topic: string, partition: number): Message[] {
  let partitions = request.get(topic);
  if (!partitions) request.set(topic, (partitions = new Map()));
  let list = partitions.get(partition);
  if (!list) partitions.set(partition, (list = []));
  return list;
}

/** In bytes, a little more than on the wire; headers are plain. */
function sizeOf({ key, value, headers }: Append['records'][number]): number {
  let size = 40 + Buffer.byteLength(key ?? '') + Buffer.byteLength(value ?? '');
  for (const name in headers) size += 10 + name.length + headers[name]!.length;
  return size;
}

async function produce(producer: Producer, request: Request): Promise<void> {
  const topicMessages = [...request].map(([topic, partitions]) => ({ topic, messages: new Grouped(partitions) }));
  const answers = await producer.sendBatch({ acks: -1, topicMessages });
  // kafkajs leaves out, without a word, what goes to a partition it does not know.
  const stored = new Set(answers.map(({ topicName, partition }) => `${topicName}/${partition}`));
  for (const [topic, partitions] of request) {
    for (const partition of partitions.keys()) {
      if (!stored.has(`${topic}/${partition}`)) throw new Problem('not_found', 'topic.not_found', `${topic} has no partition ${partition}.`);
    }
  }
}

/**
 * Messages that already stand by partition. kafkajs wants a flat array and groups it again with a `reduce` that copies a
 * partition's list for every message in it; this array answers that `reduce` with the groups themselves.
 */
class Grouped extends Array<Message> {
  constructor(private readonly partitions: Map<number, Message[]>) {
    super();
  }

  override reduce(): any {
    return Object.fromEntries(this.partitions);
  }
}

function configOf(spec: TopicSpec, replicas: number): ITopicConfig {
  // What was acknowledged outlives any single broker.
  const configEntries = [{ name: 'min.insync.replicas', value: String(Math.max(1, replicas - 1)) }, ...configEntriesOf(spec)];
  return { topic: spec.topic, numPartitions: spec.partitions, replicationFactor: replicas, configEntries };
}

/** What a topic's declaration asks of Kafka beside its partitions. */
export const configEntriesOf = ({ retentionHours, compacted }: TopicSpec): { name: string; value: string }[] => (compacted
  ? [{ name: 'cleanup.policy', value: 'compact' }]
  : [{ name: 'cleanup.policy', value: 'delete' }, { name: 'retention.ms', value: String(retentionHours > 0 ? retentionHours * 3_600_000 : -1) }]);

/** Waits until every broker that we ask knows the topics: on a fresh topic that takes a moment. */
async function checkPartitions(admin: Admin, topics: readonly TopicSpec[]): Promise<void> {
  const until = Date.now() + TOPICS_WITHIN_MS;
  for (;;) {
    try {
      const { topics: found } = await admin.fetchTopicMetadata({ topics: topics.map(({ topic }) => topic) });
      for (const { topic, partitions } of topics) {
        const actual = found.find(({ name }) => name === topic)!.partitions.length;
        if (actual !== partitions) throw new Problem('conflict', 'topic.partitions_differ', `${topic} has ${actual} partitions, ${partitions} are declared.`);
      }
      return;
    } catch (error) {
      if (error instanceof Problem || Date.now() > until) throw error;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}
