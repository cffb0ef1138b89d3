import { register } from 'prom-client';

import { streams } from '@yunke/contracts';
import { embeddedLog, eventMigrations, giveVoice, say, settle, type EventLog } from '@yunke/events';
import { Db, migrate } from '@yunke/postgres';
import { SECRET, anOrderObserved, throwAwayDatabase } from '@yunke/testing';
import { TimerTables1700000000003, arm } from '@yunke/timers';

import { Vitals } from './vitals.js';

const MIGRATIONS = [...eventMigrations, TimerTables1700000000003];
const { topic } = streams.orderObservations;
const record = (key: string) => ({ key, value: '{}', headers: {} });

describe('the vitals of a service', () => {
  let db: Db;
  let log: EventLog;
  const reported: unknown[] = [];
  const vitals = (): Vitals => new Vitals({ service: 'test', db, log, topics: [topic], timerKinds: ['lapse', 'plan'], report: (_level, message, about) => reported.push({ message, ...about }) });
  const value = async (name: string, labels: Record<string, string> = {}): Promise<number | undefined> => {
    const { values } = (await register.getSingleMetric(name)!.get());
    return values.find((one) => Object.entries({ service: 'test', ...labels }).every(([label, wanted]) => (one.labels as Record<string, unknown>)[label] === wanted))?.value;
  };

  beforeEach(async () => {
    db = await Db.open({ url: await throwAwayDatabase({ name: 'vitals', migrations: MIGRATIONS }), applicationName: 'test', migrations: MIGRATIONS });
    await migrate(db);
    giveVoice(db, { service: 'test', secret: SECRET, partitions: 2, epoch: (await settle(db, 2)).epoch, said: () => undefined });
    log = await embeddedLog(await throwAwayDatabase());
    await log.createTopics([{ topic, partitions: 2, retentionHours: 1, compacted: false }]);
    reported.length = 0;
  });
  afterEach(async () => {
    await log.close();
    await db.close();
  });

  it('count what is not published, and how old it is', async () => {
    await db.tx(async (tx) => say(tx, ['a', 'b', 'c'].map((orderId) => ({ type: 'OrderObserved', body: anOrderObserved({ orderId }), cause: orderId }))));
    await db.query(`update outbox set said_at = said_at - interval '90 s'`);
    await vitals().look();

    expect(await value('yunke_outbox_events')).toBe(3);
    expect(await value('yunke_outbox_oldest_age_seconds')).toBeGreaterThanOrEqual(90);
    await db.query('delete from outbox');
    await vitals().look();
    expect([await value('yunke_outbox_events'), await value('yunke_outbox_oldest_age_seconds')]).toEqual([0, 0]);
  });

  it('tell parked keys, their records and stopped partitions by topic, and zero where there is none', async () => {
    await vitals().look();
    expect([await value('yunke_parked_keys', { topic }), await value('yunke_parked_records', { topic }), await value('yunke_partitions_stopped', { topic })]).toEqual([0, 0, 0]);
    await db.query(`insert into consumer_position (topic, partition, next_offset, parked, stopped) values ($1, 0, 5, 2, null), ($1, 1, 7, 1, 'log.truncated')`, [topic]);
    await db.query(`insert into parked_record (topic, partition, "offset", key, headers) select $1, 0, o, 'k', '{}' from generate_series(1, 4) o`, [topic]);
    await vitals().look();

    expect([await value('yunke_parked_keys', { topic }), await value('yunke_parked_records', { topic }), await value('yunke_partitions_stopped', { topic })]).toEqual([3, 4, 1]);
  });

  it('count the records that wait in the log, in all partitions, and since when', async () => {
    await log.append([{ topic, partition: 0, records: [record('a'), record('b'), record('c')] }, { topic, partition: 1, records: [record('d')] }]);
    await db.query(`insert into consumer_position (topic, partition, next_offset, accepted_through) values ($1, 0, 1, clock_timestamp() - interval '40 s')`, [topic]);
    await vitals().look();

    expect(await value('yunke_consumer_lag_records', { topic })).toBe(3);
    expect(await value('yunke_consumer_lag_seconds', { topic })).toBeGreaterThanOrEqual(40);
    await db.query(`insert into consumer_position (topic, partition, next_offset) values ($1, 0, 3), ($1, 1, 1) on conflict (topic, partition) do update set next_offset = excluded.next_offset`, [topic]);
    await vitals().look();
    expect([await value('yunke_consumer_lag_records', { topic }), await value('yunke_consumer_lag_seconds', { topic }), await value('yunke_log_up')]).toEqual([0, 0, 1]);
  });

  it('count the timers that are due by kind, not those that wait for their time', async () => {
    const now = await db.now();
    await db.tx((tx) => arm(tx, 'lapse', [{ key: 'a', dueAt: now - 70_000 }, { key: 'b', dueAt: now - 1_000 }, { key: 'c', dueAt: now + 60_000 }]));
    await vitals().look();

    expect([await value('yunke_timers_due', { kind: 'lapse' }), await value('yunke_timers_due', { kind: 'plan' }), await value('yunke_timers_overdue_seconds', { kind: 'plan' })]).toEqual([2, 0, 0]);
    expect(await value('yunke_timers_overdue_seconds', { kind: 'lapse' })).toBeGreaterThanOrEqual(70);
  });

  it('tell that the database or the log does not answer, and report why', async () => {
    await log.close();
    await vitals().look();
    expect([await value('yunke_database_up'), await value('yunke_log_up')]).toEqual([1, 0]);

    await db.query('drop table timers');
    await vitals().look();
    expect(await value('yunke_database_up')).toBe(0);
    expect(reported).toContainEqual(expect.objectContaining({ what: 'database' }));
  });

  it('tell what the pool has, uses and is asked for', async () => {
    const held = await Promise.all(Array.from({ length: 10 }, () => db.pool.connect()));
    const waiting = db.query('select 1');
    const look = vitals().look();
    expect([await value('yunke_database_pool_connections', { state: 'used' }), await value('yunke_database_pool_max_connections'), await value('yunke_database_pool_waiting_requests')]).toEqual([10, 10, 1]);
    for (const client of held) client.release();
    await Promise.all([waiting, look]);
  });
});
