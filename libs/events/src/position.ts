import { Problem } from '@yunke/kernel';
import { columnsOf, type Db, type Tx } from '@yunke/postgres';

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

/** From where to where a partition's position moves. */
export type Move = { readonly partition: number; readonly from: Position; readonly to: Position & { readonly acceptedThrough: number | null } };

/**
 * Moves the positions of some partitions of a topic, if all are where we think: the fence against zombies, and the locks that come
 * first in the transaction. @throws position.fenced when another owner moved one. Returns the partitions that have parked keys.
 */
export async function movePositions(tx: Tx, topic: string, moves: readonly Move[]): Promise<Set<number>> {
  const rows = await tx.query<{ partition: number; parked: number }>(
    `update consumer_position p set next_offset = new.next, heard_n = new.heard_n, producer_epoch = new.epoch,
       accepted_through = greatest(p.accepted_through, to_timestamp(new.accepted_through / 1000))
     from unnest($2::int[], $3::bigint[], $4::bigint[], $5::bigint[], $6::text[], $7::float8[]) as new (partition, at, next, heard_n, epoch, accepted_through)
     where p.topic = $1 and p.partition = new.partition and p.next_offset = new.at and p.stopped is null returning p.partition, p.parked`,
    [topic, ...columnsOf(moves.map(({ partition, from, to }) => ({ ...to, partition, at: from.next })), 'partition', 'at', 'next', 'heardN', 'epoch', 'acceptedThrough')]);
  if (rows.length < moves.length) throw new Problem('conflict', 'position.fenced', 'Another owner moved this position.');
  return new Set(rows.filter(({ parked }) => parked > 0).map(({ partition }) => partition));
}

/**
 * The partition stands still until somebody clears this: the log does not hold what comes next, or its producer is another.
 * Returns false, and does nothing, when the position is no longer `at`: another owner goes on with it.
 */
export async function stopPosition(db: Db, { topic, partition, at }: { topic: string; partition: number; at: number }, code: string): Promise<boolean> {
  const stopped = await db.query('update consumer_position set stopped = $4 where topic = $1 and partition = $2 and next_offset = $3 returning topic', [topic, partition, at, code]);
  return stopped.length > 0;
}
