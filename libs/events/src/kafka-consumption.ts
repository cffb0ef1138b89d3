import type { Batch, Consumer, EachBatchPayload, KafkaMessage } from 'kafkajs';

import { kafkaClient, within, type KafkaOptions } from './kafka-client.js';
import type { ConsumeOptions, Consumption, Fetch, LogRecord, Verdict } from './log.js';

const HINT_EVERY_MS = 3000;
const LEAVE_WITHIN_MS = 5000;
/** kafkajs hands over the partitions of one fetch at once, up to so many. */
const PARTITIONS_AT_ONCE = 128;

type Place = { readonly topic: string; readonly partition: number };

/** One member of a group. Joins before it returns. @throws when no broker is reachable or a topic does not exist */
export async function consumeKafka(kafka: KafkaOptions, options: ConsumeOptions): Promise<Consumption> {
  const member = new Member(kafka, options);
  try {
    await member.join();
  } catch (error) {
    await member.stop();
    throw error;
  }
  return member;
}

class Member implements Consumption {
  readonly #consumer: Consumer;
  /** Where each partition stands, since the last commit to Kafka. */
  readonly #hints = new Map<string, Place & { offset: string }>();
  readonly #paused = new Map<string, { place: Place; timer: NodeJS.Timeout | undefined }>();
  readonly #inHand = new Set<Promise<void>>();
  /** What a fetch brought of each topic, until all of it has been handed over. */
  readonly #gathering = new Map<string, { payloads: EachBatchPayload[]; heard: Promise<void> }>();
  readonly #committing = setInterval(() => void this.#commitHints(), HINT_EVERY_MS).unref();
  #stopping: Promise<void> | undefined;

  constructor(kafka: KafkaOptions, private readonly options: ConsumeOptions) {
    this.#consumer = kafkaClient(kafka).consumer({
      groupId: options.group,
      allowAutoTopicCreation: false,
      sessionTimeout: 10_000,
      heartbeatInterval: 1000,
      minBytes: 1,
      maxWaitTimeInMs: 100,
      maxBytesPerPartition: 1_048_576,
      // A stop that meets a crash (a broker that is away) would otherwise be followed by a restart.
      retry: { restartOnFailure: async () => !this.#stopping },
    });
    const { GROUP_JOIN, CRASH } = this.#consumer.events;
    this.#consumer.on(GROUP_JOIN, ({ payload }) => this.#joined(payload.memberAssignment));
    this.#consumer.on(CRASH, ({ payload }) => {
      if (!payload.restart && !this.#stopping) options.failed(payload.error);
    });
  }

  async join(): Promise<void> {
    await this.#consumer.connect();
    await this.#consumer.subscribe({ topics: [...this.options.topics], fromBeginning: true });
    await this.#consumer.run({
      autoCommit: false,
      eachBatchAutoResolve: false,
      partitionsConsumedConcurrently: PARTITIONS_AT_ONCE,
      eachBatch: (payload) => this.#take(payload),
    });
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#leave();
    return this.#stopping;
  }

  /**
   * kafkajs's eachBatch: gathers the partitions of a topic that it hands over in one go, to be heard together.
   * It never rejects: an error there would make kafkajs fetch the same again at once, and crash in the end.
   */
  #take(payload: EachBatchPayload): Promise<void> {
    const { topic } = payload.batch;
    const open = this.#gathering.get(topic);
    if (open) {
      open.payloads.push(payload);
      return open.heard;
    }
    const payloads = [payload];
    const heard = handedOver().then(() => {
      this.#gathering.delete(topic);
      return this.#hear(payloads);
    });
    this.#gathering.set(topic, { payloads, heard });
    this.#inHand.add(heard);
    return heard.finally(() => this.#inHand.delete(heard));
  }

  async #hear(payloads: readonly EachBatchPayload[]): Promise<void> {
    // A seek or the end of the membership came between: this is not what the listener waits for any more.
    const taken = this.#stopping ? [] : payloads.filter((payload) => payload.isRunning() && !payload.isStale());
    if (taken.length === 0) return;
    const fetches = taken.map(({ batch }) => fetchOf(batch));
    // A refused heartbeat (the group is being shared out anew) is not the listener's affair: the position in the database
    // fences, and the heartbeat that kafkajs sends after the batch is refused again and makes it rejoin.
    const beat = () => taken[0]!.heartbeat().catch(() => {});
    try {
      const verdicts = await this.options.heard(fetches, beat);
      for (const [index, { batch, resolveOffset }] of taken.entries()) this.#obey(verdicts[index]!, fetches[index]!, () => resolveOffset(batch.lastOffset()));
    } catch (error) {
      for (const fetch of fetches) this.#pause(fetch);
      this.options.failed(error);
    }
  }

  #obey(verdict: Verdict, fetch: Fetch, resolve: () => void): void {
    if (verdict.kind === 'stop') return this.#pause(fetch);
    this.#hints.set(keyOf(fetch), { topic: fetch.topic, partition: fetch.partition, offset: String(verdict.at) });
    if (verdict.kind === 'continue' && verdict.at === fetch.next) return resolve();
    this.#consumer.seek({ topic: fetch.topic, partition: fetch.partition, offset: String(verdict.at) });
    if (verdict.kind === 'retry') this.#pause(fetch, verdict.afterMs);
  }

  /** Without a time: until the partitions are shared out anew. Waiting here instead would hold up the other partitions. */
  #pause({ topic, partition }: Place, forMs?: number): void {
    const place = { topic, partition };
    this.#consumer.pause([{ topic, partitions: [partition] }]);
    const timer = forMs === undefined ? undefined : setTimeout(() => this.#resume(place), forMs);
    this.#paused.set(keyOf(place), { place, timer });
  }

  #resume(place: Place): void {
    clearTimeout(this.#paused.get(keyOf(place))?.timer);
    this.#paused.delete(keyOf(place));
    try {
      this.#consumer.resume([{ topic: place.topic, partitions: [place.partition] }]);
    } catch {
      // Between a crash and the restart there is nothing to resume; after the restart nothing is paused.
    }
  }

  #joined(assignment: Record<string, number[]>): void {
    // kafkajs was asked to stop while it was joining and joined all the same; it can leave only when the join has ended.
    if (this.#stopping) return void setImmediate(() => void this.#consumer.disconnect().catch(() => {}));
    this.#hints.clear();
    // kafkajs keeps pauses when partitions change hands; ours end here.
    for (const { place } of this.#paused.values()) this.#resume(place);
    for (const [topic, partitions] of Object.entries(assignment)) {
      for (const partition of partitions) this.options.assigned(topic, partition);
    }
  }

  /** Only a hint: lag displays, and a good place to start fetching. The truth is in each service's database (design §3.2). */
  async #commitHints(): Promise<void> {
    const offsets = [...this.#hints.values()];
    this.#hints.clear();
    if (offsets.length > 0) await this.#consumer.commitOffsets(offsets).catch(() => {});
  }

  async #leave(): Promise<void> {
    clearInterval(this.#committing);
    await Promise.all(this.#inHand);
    for (const { timer } of this.#paused.values()) clearTimeout(timer);
    // A broker that cannot be told notices after the session's time.
    await within(LEAVE_WITHIN_MS, this.#commitHints().then(() => this.#consumer.disconnect()));
  }
}

/** When whatever is ready to run has run: kafkajs hands the partitions of one fetch over without waiting for anything. */
const handedOver = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

const keyOf = ({ topic, partition }: Place): string => `${topic}/${partition}`;

function fetchOf(batch: Batch): Fetch {
  return {
    topic: batch.topic,
    partition: batch.partition,
    // Where the fetch was asked to start, not the first record it brought: compaction and markers leave holes. Missing in the types.
    from: Number((batch as Batch & { fetchedOffset: string }).fetchedOffset),
    next: Number(batch.lastOffset()) + 1,
    records: batch.messages.map(recordOf),
  };
}

// Bytes that are no UTF-8 become U+FFFD here; whoever reads the value finds it broken and parks it.
const recordOf = ({ offset, key, value, headers }: KafkaMessage): LogRecord => ({
  offset: Number(offset),
  key: key === null ? null : key.toString('utf8'),
  value: value === null ? null : value.toString('utf8'),
  headers: headers as unknown as Record<string, string>, // decodeRecord reads them as texts
});
