import type { EventLog } from '@yunke/events';
import type { Millis } from '@yunke/kernel';
import type { Db } from '@yunke/postgres';

const SETTLE_MS = 500;

/**
 * How far this service has heard: every event accepted before this instant has taken effect here. Per partition it is the
 * acceptance of the last record heard, or, where all of the log has been heard, half a second before we looked (design 4.6).
 */
export async function heardThrough(db: Db, log: EventLog, topics: readonly string[]): Promise<Millis> {
  const lookedAt = await db.now();
  const marks = await log.watermarks(topics); // before the positions: what was in the log then must have been heard
  const rows = await db.query<{ topic: string; partition: number; next: number; through: number | null }>(
    `select topic, partition, next_offset::float8 as next,
       case when isfinite(accepted_through) then extract(epoch from accepted_through)::float8 * 1000 end as through
     from consumer_position where topic = any($1)`, [topics]);
  const positions = new Map(rows.map((row) => [`${row.topic}/${row.partition}`, row]));
  let horizon = lookedAt - SETTLE_MS;
  for (const [topic, partitions] of marks) {
    for (const [partition, { low, high }] of partitions.entries()) {
      const position = positions.get(`${topic}/${partition}`);
      const atEnd = position ? position.next >= high : low === high;
      if (!atEnd) horizon = Math.min(horizon, position?.through ?? -Infinity);
    }
  }
  return horizon;
}
