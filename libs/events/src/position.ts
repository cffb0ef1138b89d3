import { Problem } from '@yunke/kernel';
import type { Db, Tx } from '@yunke/postgres';

/** Where a service stands in one partition, as its own database says. */
export type Position = {
  /** The offset that is heard next. */
  readonly next: number;
  /** The largest number heard of the stream's producer, and the epoch of that producer's database. */
  readonly heardN: number;
  readonly epoch: string | null;
  /** How many keys of the partition are parked. */
  readonly parked: number;
  /** Why the partition stands still until somebody looks at it. */
  readonly stopped: string | null;
};

const columns = 'next_offset::float8 as next, heard_n::float8 as "heardN", producer_epoch as epoch, parked, stopped';

export async function findPosition(db: Db, topic: string, partition: number): Promise<Position | undefined> {
  const [row] = await db.query<Position>(`select ${columns} from consumer_position where topic = $1 and partition = $2`, [topic, partition]);
  return row;
}

/** The position of a partition that this service hears for the first time. */
export async function startAt(db: Db, topic: string, partition: number, next: number): Promise<void> {
  await db.query('insert into consumer_position (topic, partition, next_offset) values ($1, $2, $3) on conflict do nothing', [topic, partition, next]);
}

/**
 * Moves the position, if it is where we think: the fence against zombies, and the lock that comes first in the transaction.
 * @throws position.fenced when another owner moved it. Returns how many keys of the partition are parked.
 */
export async function movePosition(tx: Tx, place: { topic: string; partition: number }, from: Position, to: Position & { acceptedThrough: number | null }): Promise<number> {
  const [row] = await tx.query<{ parked: number }>(
    `update consumer_position set next_offset = $4, heard_n = $5, producer_epoch = $6,
       accepted_through = greatest(accepted_through, to_timestamp($7::float8 / 1000))
     where topic = $1 and partition = $2 and next_offset = $3 and stopped is null returning parked`,
    [place.topic, place.partition, from.next, to.next, to.heardN, to.epoch, to.acceptedThrough]);
  if (!row) throw new Problem('conflict', 'position.fenced', 'Another owner moved this position.');
  return row.parked;
}

/**
 * The partition stands still until somebody clears this: the log does not hold what comes next, or its producer is another.
 * Returns false, and does nothing, when the position is no longer `at`: another owner goes on with it.
 */
export async function stopPosition(db: Db, { topic, partition, at }: { topic: string; partition: number; at: number }, code: string): Promise<boolean> {
  const stopped = await db.query('update consumer_position set stopped = $4 where topic = $1 and partition = $2 and next_offset = $3 returning topic', [topic, partition, at, code]);
  return stopped.length > 0;
}
