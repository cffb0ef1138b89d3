import { Client } from 'pg';

import { Problem } from '@yunke/kernel';
import { Db, columnsOf, migrate, packed, packedColumn, type Tx } from '@yunke/postgres';

import { EmbeddedConsumption } from './embedded-consumption.js';
import type { Append, ConsumeOptions, EventLog, TopicSpec, Watermark } from './log.js';
import { LogTables1700000000002 } from './migrations/log-tables.js';

export const NEWS = 'yunke_log';
const SWEEP_EVERY_MS = 600_000;

/**
 * The log for one machine: an append-only table in a database of its own. Offsets are taken under the partition's row, so that
 * no reader sees 2 before 1; readers are told by NOTIFY and look every second besides.
 */
export async function embeddedLog(url: string): Promise<EventLog> {
  const db = await Db.open({ url, applicationName: 'yunke-log', migrations: [LogTables1700000000002], poolSize: 12 });
  await migrate(db);
  const log = new EmbeddedLog(db, url);
  await log.listen();
  return log;
}

class EmbeddedLog implements EventLog {
  readonly #consumptions = new Set<EmbeddedConsumption>();
  readonly #sweeper = setInterval(() => void this.sweep().catch(() => undefined), SWEEP_EVERY_MS).unref();
  #news: Client | undefined;
  #lastAppend: Promise<void> = Promise.resolve();
  #closed = false;

  constructor(private readonly db: Db, private readonly url: string) {}

  /** Hears of appends by other processes; a lost connection is made again, and the look every second bridges the gap. */
  async listen(): Promise<void> {
    const client = new Client({ connectionString: this.url });
    const again = () => {
      if (this.#news === client && !this.#closed) setTimeout(() => void this.listen().catch(again), 1_000).unref();
    };
    this.#news = client;
    client.on('error', again).on('notification', () => this.#tell());
    await client.connect();
    await client.query(`listen ${NEWS}`);
  }

  async createTopics(topics: readonly TopicSpec[]): Promise<void> {
    await this.db.tx(async (tx) => {
      for (const { topic, partitions, compacted, retentionHours } of topics) {
        await tx.query(
          `insert into log_partition (topic, partition, compacted, retention_hours)
           select $1, p, $3, $4 from generate_series(0, $2 - 1) as p
           where not exists (select from log_partition where topic = $1) on conflict do nothing`, [topic, partitions, compacted, retentionHours]);
        const [row] = await tx.query<{ n: number }>('select count(*)::int as n from log_partition where topic = $1', [topic]);
        if (row!.n !== partitions) throw new Problem('conflict', 'topic.partitions_differ', `${topic} has ${row!.n} partitions, not ${partitions}.`);
      }
    });
  }

  /** One after the other, so that two calls on one handle stand in the log in their order. */
  append(batch: readonly Append[]): Promise<void> {
    const appends = batch.filter(({ records }) => records.length > 0);
    const appended = this.#lastAppend.then(() => (appends.length > 0 ? this.#append(appends) : undefined));
    this.#lastAppend = appended.catch(() => undefined);
    return appended;
  }

  async #append(appends: readonly Append[]): Promise<void> {
    await this.db.tx(async (tx) => {
      const starts = await this.#take(tx, appends);
      const rows = appends.flatMap(({ topic, partition, records }) => {
        let offset = starts.get(`${topic}/${partition}`)!;
        const taken = records.map(({ key, value, headers }) => ({ topic, partition, offset: offset++, key, value, headers: JSON.stringify(headers) }));
        starts.set(`${topic}/${partition}`, offset); // one call may name a partition twice
        return taken;
      });
      await tx.query(
        `insert into log_record (topic, partition, "offset", key, value, headers)
         select * from unnest($1::text[], $2::int[], $3::bigint[], $4::text[], $5::text[], ${packed('$6', 'text')})`,
        [...columnsOf(rows, 'topic', 'partition', 'offset', 'key', 'value'), packedColumn(rows, 'headers')]);
      await tx.query(`select pg_notify('${NEWS}', '')`);
    });
    this.#tell();
  }

  /** Takes the offsets under the partitions' rows, locked in order. Returns the first one of each. */
  async #take(tx: Tx, appends: readonly Append[]): Promise<Map<string, number>> {
    const counts = new Map<string, { topic: string; partition: number; n: number }>();
    for (const { topic, partition, records } of appends) {
      const place = `${topic}/${partition}`;
      const count = counts.get(place) ?? counts.set(place, { topic, partition, n: 0 }).get(place)!;
      count.n += records.length;
    }
    const rows = await tx.query<{ topic: string; partition: number; start: number }>(
      `with mine as (
         select p.topic, p.partition, p.high, new.n from unnest($1::text[], $2::int[], $3::int[]) as new (topic, partition, n)
         join log_partition p using (topic, partition) order by p.topic, p.partition for update of p)
       update log_partition p set high = p.high + mine.n from mine where (p.topic, p.partition) = (mine.topic, mine.partition)
       returning p.topic, p.partition, (p.high - mine.n)::float8 as start`, columnsOf([...counts.values()], 'topic', 'partition', 'n'));
    if (rows.length !== counts.size) throw new Problem('not_found', 'topic.not_found', 'A topic or a partition does not exist.');
    return new Map(rows.map(({ topic, partition, start }) => [`${topic}/${partition}`, start]));
  }

  async consume(options: ConsumeOptions): Promise<EmbeddedConsumption> {
    const consumption = new EmbeddedConsumption(this.db, options, () => this.#consumptions.delete(consumption));
    this.#consumptions.add(consumption);
    await consumption.start();
    return consumption;
  }

  async watermarks(topics: readonly string[]): Promise<Map<string, Watermark[]>> {
    const rows = await this.db.query<{ topic: string; low: number; high: number }>(
      'select topic, low::float8 as low, high::float8 as high from log_partition where topic = any($1) order by topic, partition', [topics]);
    const marks = new Map<string, Watermark[]>(topics.map((topic) => [topic, []]));
    for (const { topic, low, high } of rows) marks.get(topic)!.push({ low, high });
    return marks;
  }

  /** Retention by age and compaction per key: what Kafka's cleaner does. Of a compacted key the last record stays. */
  async sweep(): Promise<void> {
    await this.db.query(
      `delete from log_record r using log_partition p where (r.topic, r.partition) = (p.topic, p.partition) and not p.compacted
       and p.retention_hours > 0 and r.at < clock_timestamp() - p.retention_hours * interval '1 hour'`);
    await this.db.query(
      `delete from log_record r using log_partition p where (r.topic, r.partition) = (p.topic, p.partition) and p.compacted
       and exists (select from log_record later where later.topic = r.topic and later.partition = r.partition and later.key = r.key and later."offset" > r."offset")`);
    await this.db.query(
      `update log_partition p set low = coalesce((select min("offset") from log_record r where (r.topic, r.partition) = (p.topic, p.partition)), p.high)
       where not p.compacted and p.low < p.high`);
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    clearInterval(this.#sweeper);
    await Promise.all([...this.#consumptions].map((consumption) => consumption.stop()));
    await this.#news?.end().catch(() => undefined);
    await this.db.close();
  }

  #tell(): void {
    for (const consumption of this.#consumptions) consumption.tell();
  }
}
