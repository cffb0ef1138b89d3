import type { Messages, Stream } from '@yunke/contracts';
import { eachFetch, type EventLog } from '@yunke/events';

export type Said = { readonly type: keyof Messages; readonly id: string; readonly key: string; readonly body: Record<string, unknown> };

/** Everything on a topic that is in the log now, partition by partition, each number once: what a reader that follows the rules has. */
export async function readAll(log: EventLog, { topic }: Stream): Promise<Said[]> {
  const marks = (await log.watermarks([topic])).get(topic)!;
  const partitions = marks.map((): Said[] => []);
  const at = marks.map(({ low }) => low);
  const largest = marks.map(() => 0);
  let arrived: () => void = () => undefined;
  const all = new Promise<void>((resolve) => (arrived = resolve));
  const done = (): boolean => marks.every(({ high }, partition) => at[partition]! >= high);
  if (done()) return [];
  const reading = await log.consume({
    group: `reader-${crypto.randomUUID()}`, topics: [topic], assigned: () => undefined, failed: () => undefined,
    heard: eachFetch(async ({ partition, records, next }) => {
      for (const { headers, key, value } of records) {
        const n = Number(headers['ce_yunken']);
        if (n <= largest[partition]!) continue;
        largest[partition] = n;
        partitions[partition]!.push({ type: headers['ce_type'] as keyof Messages, id: headers['ce_id']!, key: key!, body: JSON.parse(value!) as Record<string, unknown> });
      }
      at[partition] = Math.max(at[partition]!, next);
      if (done()) arrived();
      return { kind: 'continue', at: next };
    }),
  });
  await all;
  await reading.stop();
  return partitions.flat();
}
