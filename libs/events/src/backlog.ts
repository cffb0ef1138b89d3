import { Gauge } from 'prom-client';

import type { Millis } from '@yunke/kernel';
import type { Db } from '@yunke/postgres';

import { lagOf } from './lag.js';
import type { EventLog } from './log.js';

const labelNames = ['service', 'topic'] as const;

const gauges = {
  outbox: new Gauge({ name: 'yunke_outbox_events', help: 'Events that are not published.', labelNames: ['service'] }),
  outboxAge: new Gauge({ name: 'yunke_outbox_oldest_age_seconds', help: 'Age of the oldest event that is not published.', labelNames: ['service'] }),
  parkedKeys: new Gauge({ name: 'yunke_parked_keys', help: 'Keys whose records wait for somebody.', labelNames }),
  parkedRecords: new Gauge({ name: 'yunke_parked_records', help: 'Records that wait with their key; counted up to 100,000 a topic.', labelNames }),
  stopped: new Gauge({ name: 'yunke_partitions_stopped', help: 'Partitions that stand still and need somebody.', labelNames }),
  lagRecords: new Gauge({ name: 'yunke_consumer_lag_records', help: 'Records in the log that the service has not heard.', labelNames }),
  lagSeconds: new Gauge({ name: 'yunke_consumer_lag_seconds', help: 'How long the oldest of these records has waited in the log, at most.', labelNames }),
};

export type BacklogOptions = { readonly db: Db; readonly log: EventLog; readonly service: string; readonly topics: readonly string[] };

/**
 * What waits to be said and to be heard, as gauges. They are read from the service's database and the log, so every replica tells the
 * same: take their maximum, not their sum.
 */
export class Backlog {
  readonly #emptyAt = new Map<string, Millis>();

  constructor(private readonly options: BacklogOptions) {}

  /** Outbox, parked keys and records, stopped partitions. */
  async measure(): Promise<void> {
    const { db, service, topics } = this.options;
    const [outbox] = await db.query<{ events: number; age: number }>(
      `select coalesce(sum(events), 0)::float8 as events, coalesce(extract(epoch from clock_timestamp() - min(said_at)), 0)::float8 as age from outbox`);
    gauges.outbox.set({ service }, outbox!.events);
    gauges.outboxAge.set({ service }, Math.max(0, outbox!.age));
    const rows = await db.query<{ topic: string; keys: number; stopped: number; records: number }>(
      `select topic, sum(parked)::int as keys, count(stopped)::int as stopped,
         case when sum(parked) > 0 then (select count(*)::int from (select from parked_record r where r.topic = p.topic limit 100000) waiting) else 0 end as records
       from consumer_position p group by topic`);
    const found = new Map(rows.map((row) => [row.topic, row]));
    for (const topic of new Set([...topics, ...found.keys()])) {
      const { keys, stopped, records } = found.get(topic) ?? { keys: 0, stopped: 0, records: 0 };
      gauges.parkedKeys.set({ service, topic }, keys);
      gauges.parkedRecords.set({ service, topic }, records);
      gauges.stopped.set({ service, topic }, stopped);
    }
  }

  /** The lag of every topic that the service hears. */
  async measureLag(): Promise<void> {
    const { db, log, service, topics } = this.options;
    const marks = await log.watermarks(topics); // before the positions: what comes in between is not lag, and none is negative
    const rows = await db.query<{ topic: string; partition: number; next: number; through: number | null }>(
      `select topic, partition, next_offset::float8 as next, case when isfinite(accepted_through) then extract(epoch from accepted_through)::float8 * 1000 end as through
       from consumer_position where topic = any($1)`, [topics]);
    const standings = new Map(rows.map((row) => [`${row.topic}/${row.partition}`, row]));
    for (const [topic, { records, ms }] of lagOf(marks, standings, { emptyAt: this.#emptyAt, now: await db.now() })) {
      gauges.lagRecords.set({ service, topic }, records);
      gauges.lagSeconds.set({ service, topic }, ms / 1_000);
    }
  }
}
