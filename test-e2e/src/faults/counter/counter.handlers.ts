import { hash } from 'node:crypto';

import { Controller } from '@nestjs/common';

import { streams, type Stream } from '@yunke/contracts';
import { On, type Batch } from '@yunke/events';
import { columnsOf, type Tx } from '@yunke/postgres';

type Tally = { readonly key: string; readonly n: number; readonly digest: string };

@Controller()
export class CounterHandlers {
  @On(streams.orderObservations)
  observations(batch: Batch<typeof streams.orderObservations>, tx: Tx): Promise<void> {
    return count(tx, streams.orderObservations.topic, batch as unknown as Batch<Stream>);
  }

  @On(streams.ordersChanges)
  changes(batch: Batch<typeof streams.ordersChanges>, tx: Tx): Promise<void> {
    return count(tx, streams.ordersChanges.topic, batch as unknown as Batch<Stream>);
  }
}

/** Adds what was heard to each key's tally: never twice the same result. */
async function count(tx: Tx, topic: string, batch: Batch<Stream>): Promise<void> {
  const held = await tx.query<Tally>('select key, n, digest from tallies where topic = $1 and key = any($2) order by key for update', [topic, batch.keys()]);
  const tallies = new Map(held.map((tally) => [tally.key, tally]));
  for (const { key, id } of batch.records) {
    const { n, digest } = tallies.get(key) ?? { n: 0, digest: '' };
    tallies.set(key, { key, n: n + 1, digest: hash('md5', digest + id, 'hex') });
  }
  await tx.query(
    `insert into tallies (topic, key, n, digest) select $1, * from unnest($2::text[], $3::int[], $4::text[])
     on conflict (topic, key) do update set n = excluded.n, digest = excluded.digest`, [topic, ...columnsOf([...tallies.values()], 'key', 'n', 'digest')]);
  const oldest = batch.records.reduce((one, other) => (other.acceptedAt < one.acceptedAt ? other : one));
  await tx.query(`insert into delays select $1, $2, clock_timestamp(), extract(epoch from clock_timestamp()) * 1000 - $3::float8`, [topic, oldest.key, oldest.acceptedAt]);
}
