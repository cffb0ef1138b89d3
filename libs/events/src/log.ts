/** One record as the log holds it. `offset` is its place in its partition; `value` is null for an erased key only. */
export type LogRecord = {
  readonly offset: number;
  readonly key: string | null;
  readonly value: string | null;
  readonly headers: Readonly<Record<string, string>>;
};

/** Records for one partition, in the order in which they are to stand there. */
export type Append = {
  readonly topic: string;
  readonly partition: number;
  readonly records: readonly Omit<LogRecord, 'offset'>[];
};

/** What one look at a partition brought. It started at `from`; `next` is where the following look starts (holes included). */
export type Fetch = {
  readonly topic: string;
  readonly partition: number;
  readonly from: number;
  readonly next: number;
  readonly records: readonly LogRecord[];
};

/** What the listener wants next: go on at an offset, try that offset again after a pause, or leave the partition alone. */
export type Verdict =
  | { readonly kind: 'continue'; readonly at: number }
  | { readonly kind: 'retry'; readonly at: number; readonly afterMs: number }
  | { readonly kind: 'stop'; readonly code: string };

export type Watermark = { readonly low: number; readonly high: number };

export type TopicSpec = {
  readonly topic: string;
  readonly partitions: number;
  readonly retentionHours: number;
  readonly compacted: boolean;
};

export type ConsumeOptions = {
  /** Members of one group share the partitions of its topics. */
  readonly group: string;
  readonly topics: readonly string[];
  /**
   * Called with what one look brought of a topic, at most one fetch a partition, and again for a partition only after its verdict;
   * answers with one verdict a fetch, in their order. `beat` tells the log that we live, between two chunks.
   */
  readonly heard: (fetches: readonly Fetch[], beat: () => Promise<void>) => Promise<Verdict[]>;
  /** A partition came to this member, or came back: what was remembered of it may be stale. */
  readonly assigned: (topic: string, partition: number) => void;
  /** The consumer cannot go on and nobody will restart it: the process should end. */
  readonly failed: (error: unknown) => void;
};

export interface Consumption {
  /** Stops fetching, waits for the chunk in hand, leaves the group. */
  stop(): Promise<void>;
}

/**
 * The log that carries every event: partitioned, ordered per partition, kept, replayable. Two implementations pass the same
 * suite (log.suite.ts): Kafka, and an append-only table in the embedded Postgres. Nothing else may know which one it has.
 */
export interface EventLog {
  /** Creates what is missing. @throws topic.partitions_differ when a topic has another number of partitions than declared. */
  createTopics(topics: readonly TopicSpec[]): Promise<void>;
  /** Returns when all of it is durable. After an error the same batch must be appended again (copies are dropped by number). */
  append(batch: readonly Append[]): Promise<void>;
  consume(options: ConsumeOptions): Promise<Consumption>;
  /** First offset and next offset of every partition, in order of partition. */
  watermarks(topics: readonly string[]): Promise<Map<string, Watermark[]>>;
  close(): Promise<void>;
}

/** For who hears each partition by itself. */
export const eachFetch = (one: (fetch: Fetch, beat: () => Promise<void>) => Promise<Verdict>): ConsumeOptions['heard'] =>
  (fetches, beat) => Promise.all(fetches.map((fetch) => one(fetch, beat)));
