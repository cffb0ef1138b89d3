import type { Millis } from '@yunke/kernel';

import type { Watermark } from './log.js';

/** Where a service stands in a partition: the next offset, and when the last record heard was accepted, if it is known. */
export type Standing = { readonly next: number; readonly through: Millis | null };

/** Records that wait, and how long the oldest of them has waited in the log, at most, in milliseconds. */
export type Lag = { readonly records: number; readonly ms: Millis };

/**
 * The lag of each topic, from the log's watermarks and the standings read after them. How long is an upper bound that grows as long as
 * nothing moves: what waits came to the log after it was accepted, so after the last record heard was (times are nearly in order), and
 * after `emptyAt`, when the partition was last seen to hold nothing for us; that is remembered here, by `topic/partition`.
 */
export function lagOf(marks: ReadonlyMap<string, readonly Watermark[]>, standings: ReadonlyMap<string, Standing>, { emptyAt, now }: { emptyAt: Map<string, Millis>; now: Millis }): Map<string, Lag> {
  const lags = new Map<string, Lag>();
  for (const [topic, partitions] of marks) {
    let lag: Lag = { records: 0, ms: 0 };
    for (const [partition, { low, high }] of partitions.entries()) {
      const place = `${topic}/${partition}`;
      const { next, through } = standings.get(place) ?? { next: low, through: null };
      const records = Math.max(0, high - Math.max(low, next));
      if (records === 0 || (through === null && !emptyAt.has(place))) emptyAt.set(place, now); // of a partition never heard nothing is known before we look
      if (records > 0) lag = { records: lag.records + records, ms: Math.max(lag.ms, now - Math.max(through ?? -Infinity, emptyAt.get(place) ?? -Infinity)) };
    }
    lags.set(topic, lag);
  }
  return lags;
}
