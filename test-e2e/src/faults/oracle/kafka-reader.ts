import kafkajs, { type Admin, type EachBatchPayload, type KafkaMessage } from 'kafkajs';

/** A record as it lies on a topic; `n` and `epoch` are the producer's, undefined on what is not ours. */
export type Found = {
  readonly topic: string; readonly partition: number; readonly offset: number;
  readonly id: string; readonly type: string; readonly n: number | undefined; readonly epoch: string; readonly body: Readonly<Record<string, unknown>> | undefined;
};

export type Marks = { readonly low: number; readonly high: number };

const client = (brokers: string): kafkajs.Kafka => new kafkajs.Kafka({ clientId: 'oracle', brokers: brokers.split(','), logLevel: kafkajs.logLevel.NOTHING, retry: { retries: 8 } });

export async function withAdmin<T>(brokers: string, work: (admin: Admin) => Promise<T>): Promise<T> {
  const admin = client(brokers).admin();
  await admin.connect();
  try {
    return await work(admin);
  } finally {
    await admin.disconnect();
  }
}

/** First and next offset per partition of each topic. */
export function marksOf(brokers: string, topics: readonly string[]): Promise<Map<string, Marks[]>> {
  return withAdmin(brokers, async (admin) => {
    const found = await Promise.all(topics.map((topic) => admin.fetchTopicOffsets(topic)));
    return new Map(topics.map((topic, index) => [topic, found[index]!.sort((a, b) => a.partition - b.partition).map(({ low, high }) => ({ low: Number(low), high: Number(high) }))]));
  });
}

/** Every record from these offsets (one a partition) to the end as it is now, by partition in order of offset. Moves the offsets. */
export async function readOn(brokers: string, from: Map<string, number[]>): Promise<Found[]> {
  const marks = await marksOf(brokers, [...from.keys()]);
  for (const [topic, partitions] of marks) if (from.get(topic)!.length === 0) from.set(topic, partitions.map(({ low }) => low));
  const behind = (): boolean => [...marks].some(([topic, partitions]) => partitions.some(({ high }, partition) => from.get(topic)![partition]! < high));
  if (!behind()) return [];
  const found: Found[] = [];
  const groupId = `oracle-${crypto.randomUUID()}`;
  const consumer = client(brokers).consumer({ groupId, maxWaitTimeInMs: 50, allowAutoTopicCreation: false });
  await consumer.connect();
  await consumer.subscribe({ topics: [...from.keys()], fromBeginning: true });
  await new Promise<void>((resolve, reject) => {
    consumer.on('consumer.crash', ({ payload }) => reject(payload.error));
    const take = async ({ batch: { topic, partition, messages } }: EachBatchPayload): Promise<void> => {
      for (const message of messages) {
        const offset = Number(message.offset);
        if (offset < from.get(topic)![partition]!) continue;
        found.push(describe(topic, partition, message));
        from.get(topic)![partition] = offset + 1;
      }
      if (!behind()) resolve();
    };
    consumer.run({ autoCommit: false, eachBatch: take }).then(() => {
      for (const [topic, offsets] of from) for (const [partition, offset] of offsets.entries()) consumer.seek({ topic, partition, offset: String(offset) });
    }, reject);
  });
  await consumer.disconnect();
  await withAdmin(brokers, (admin) => admin.deleteGroups([groupId])).catch(() => undefined);
  return found;
}

function describe(topic: string, partition: number, { offset, value, headers = {} }: KafkaMessage): Found {
  const header = (name: string): string => headers[name]?.toString() ?? '';
  const n = Number(header('ce_yunken'));
  return { topic, partition, offset: Number(offset), id: header('ce_id'), type: header('ce_type'), n: Number.isInteger(n) && n > 0 ? n : undefined, epoch: header('ce_yunkeepoch'), body: parsed(value) };
}

function parsed(value: Buffer | null): Record<string, unknown> | undefined {
  try {
    const body: unknown = JSON.parse(value?.toString() ?? '');
    return typeof body === 'object' && body !== null ? (body as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
