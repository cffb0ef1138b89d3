import { readFileSync } from 'node:fs';

import { streams, type Stream } from '@yunke/contracts';
import { Db, migrate } from '@yunke/postgres';
import { SECRET, throwAwayDatabase } from '@yunke/testing';

import type { EventLog, Fetch } from './log.js';
import { Listener } from './listener.js';
import { eventMigrations } from './migrations/event-tables.js';
import { giveVoice, settle } from './voice.js';

const stream = streams.ordersChanges;
const place = { topic: stream.topic, partition: 3 };

/** The statements that the runbook tells somebody to run, with its capitals filled in. */
const statements = [...readFileSync(new URL('../../../deploy/runbook.md', import.meta.url), 'utf8').matchAll(/psql "\$DB" -c (["'])(.*?)\1/g)]
  .map(([, , sql]) => sql!.replace('OFFSET', '40').replace("'T'", `'${place.topic}'`).replace(/= P$/, `= ${place.partition}`));
const mending = (part: string): string => statements.find((sql) => sql.startsWith('update') && sql.includes(part))!;

const fetched = (offset: number, n: number, epoch: string): Fetch => ({
  ...place, from: offset, next: offset + 1, records: [{
    offset, key: 'a', value: JSON.stringify({ orderId: 'a', seq: '1', effectiveAt: '2026-01-01T00:00:00.000Z', acceptedAt: '2026-01-01T00:00:00.000Z' }),
    headers: { ce_id: `id-${n}`, ce_type: 'OrderPlaced', ce_yunken: String(n), ce_yunkeepoch: epoch },
  }],
});

describe('the runbook', () => {
  let db: Db;
  let heard: string[];
  const marks = { low: 40, high: 50 };
  const log = { watermarks: async () => new Map([[stream.topic, Array(4).fill(marks)]]) } as unknown as EventLog;
  /** A process that has just started: it knows nothing but what the database holds. */
  const hear = async (fetch: Fetch, times = 1): Promise<unknown> => {
    const listener = new Listener({ db, log, service: 'test', report: () => undefined, hearings: [{ stream: stream as Stream, handle: async ({ records }) => heard.push(...records.map(({ id }) => id)) }] });
    for (let i = 1; i < times; i += 1) await listener.heard([fetch], async () => undefined);
    return (await listener.heard([fetch], async () => undefined))[0];
  };

  beforeEach(async () => {
    db = await Db.open({ url: await throwAwayDatabase({ name: 'events', migrations: eventMigrations }), applicationName: 'test', migrations: eventMigrations });
    await migrate(db);
    giveVoice(db, { service: 'test', secret: SECRET, partitions: 4, epoch: (await settle(db, 4)).epoch, said: () => undefined });
    heard = [];
  });
  afterEach(() => db.close());

  it('gives statements that the database takes', async () => {
    expect(statements.length).toBeGreaterThanOrEqual(6);
    for (const sql of statements) await db.query(sql);
  });

  it('lets a partition go on whose log no longer holds what comes next', async () => {
    await db.query('insert into consumer_position (topic, partition, next_offset, heard_n, producer_epoch) values ($1, $2, 7, 7, $3)', [place.topic, place.partition, 'e1']);
    expect(await hear(fetched(40, 40, 'e1'), 2)).toEqual({ kind: 'stop', code: 'log.truncated' });
    await db.query(mending('next_offset ='));

    expect(await hear(fetched(40, 40, 'e1'))).toEqual({ kind: 'continue', at: 41 });
    expect(heard).toEqual(['id-40']);
  });

  it('lets a partition go on whose producer speaks from another database, with numbers that begin anew', async () => {
    await db.query('insert into consumer_position (topic, partition, next_offset, heard_n, producer_epoch) values ($1, $2, 40, 90, $3)', [place.topic, place.partition, 'e1']);
    expect(await hear(fetched(40, 5, 'e2'))).toEqual({ kind: 'stop', code: 'producer.epoch_changed' });
    await db.query(mending('producer_epoch = null'));

    expect(await hear(fetched(40, 5, 'e2'))).toEqual({ kind: 'continue', at: 41 });
    expect(await hear(fetched(41, 5, 'e2'))).toEqual({ kind: 'continue', at: 42 });
    expect(heard).toEqual(['id-5']);
  });
});
