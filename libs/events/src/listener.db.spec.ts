import { streams, type Messages, type Stream } from '@yunke/contracts';
import { Db, migrate, type Tx } from '@yunke/postgres';
import { SECRET, throwAwayDatabase } from '@yunke/testing';

import type { Batch } from './batch.js';
import type { EventLog, Fetch, LogRecord, Verdict } from './log.js';
import { Listener } from './listener.js';
import { eventMigrations } from './migrations/event-tables.js';
import { listParked } from './park.js';
import { giveVoice, settle, voiceOf } from './voice.js';

const stream = streams.ordersChanges;
const place = { topic: stream.topic, partition: 0 };

/** An event of an order as it lies in the log at `offset` under the producer's number `n`. */
function record(offset: number, n: number, orderId: string, more: { value?: string; headers?: Record<string, string>; epoch?: string } = {}): LogRecord {
  const body: Partial<Messages['OrderPlaced']> = { orderId, seq: '1', effectiveAt: '2026-01-01T00:00:00.000Z', acceptedAt: '2026-01-01T00:00:00.000Z' };
  return {
    offset, key: orderId, value: more.value ?? JSON.stringify(body),
    headers: more.headers ?? { ce_id: `id-${n}`, ce_type: 'OrderPlaced', ce_yunken: String(n), ce_yunkeepoch: more.epoch ?? 'e1' },
  };
}

const fetched = (records: LogRecord[], from = records[0]!.offset): Fetch => ({ ...place, from, next: (records.at(-1)?.offset ?? from - 1) + 1, records });
const beat = async (): Promise<void> => undefined;
const hear = async (listener: Listener, fetch: Fetch): Promise<Verdict> => (await listener.heard([fetch], beat))[0]!;
/** The same fetch, of another partition. */
const of = (partition: number, fetch: Fetch): Fetch => ({ ...fetch, partition });

describe('a listener', () => {
  let db: Db;
  let marks = { low: 0, high: 1_000 };
  let handle: (batch: Batch<Stream>, tx: Tx) => Promise<unknown>;
  const log = { watermarks: async () => new Map([[stream.topic, [marks, marks, marks]]]) } as unknown as EventLog;

  /** Counts the events of each order: whatever is heard twice shows. */
  const counting = async (batch: Batch<Stream>, tx: Tx): Promise<void> => {
    for (const { key, id } of batch.records) await tx.query(`insert into counts values ($1, 1, $2) on conflict (key) do update set n = counts.n + 1, story = counts.story || ' ' || excluded.story`, [key, id]);
  };
  const listen = (): Listener => new Listener({ db, log, service: 'test', report: () => undefined, hearings: [{ stream, handle: (batch, tx) => handle(batch, tx) }] });
  const storyOf = async (key: string): Promise<string | undefined> => (await db.query<{ story: string }>('select story from counts where key = $1', [key]))[0]?.story;

  beforeEach(async () => {
    db = await Db.open({ url: await throwAwayDatabase({ name: 'events', migrations: eventMigrations }), applicationName: 'test', migrations: eventMigrations });
    await migrate(db);
    await db.query('create table counts (key text primary key, n int not null, story text not null)');
    giveVoice(db, { service: 'test', secret: SECRET, partitions: 4, epoch: (await settle(db, 4)).epoch, said: () => undefined });
    handle = counting;
    marks = { low: 0, high: 1_000 };
  });
  afterEach(() => db.close());

  it('hears a record once, though the relay sent it again, also within one chunk', async () => {
    const listener = listen();
    await hear(listener, fetched([record(0, 1, 'a'), record(1, 2, 'a'), record(2, 1, 'a'), record(3, 2, 'a'), record(4, 3, 'a')]));
    await hear(listener, fetched([record(5, 2, 'a'), record(6, 3, 'a'), record(7, 4, 'a')]));

    expect(await storyOf('a')).toBe('id-1 id-2 id-3 id-4');
  });

  it('lets only one of two owners of a partition move it', async () => {
    const [one, two] = [listen(), listen()];
    await hear(one, fetched([record(0, 1, 'first')]));
    expect(await hear(two, fetched([record(0, 1, 'first')]))).toEqual({ kind: 'continue', at: 1 }); // now both know where it stands
    const fetch = fetched([record(1, 2, 'a'), record(2, 3, 'b')]);
    const verdicts = await Promise.all([hear(one, fetch), hear(two, fetch)]);

    expect(await db.query('select key, n from counts order by key')).toEqual([{ key: 'a', n: 1 }, { key: 'b', n: 1 }, { key: 'first', n: 1 }]);
    expect(verdicts.map(({ kind }) => kind).sort()).toEqual(['continue', 'retry']);
  });

  it('answers a fetch that starts elsewhere with one seek, and stops when the log no longer holds its position', async () => {
    const listener = listen();
    await hear(listener, fetched([record(0, 1, 'a')]));
    marks = { low: 40, high: 50 };

    expect(await hear(listener, fetched([record(40, 41, 'a')]))).toEqual({ kind: 'continue', at: 1 });
    expect(await hear(listener, fetched([record(40, 41, 'a')]))).toEqual({ kind: 'stop', code: 'log.truncated' });
    expect(await hear(listen(), fetched([record(40, 41, 'a')]))).toEqual({ kind: 'stop', code: 'log.truncated' });
  });

  it('does not take for a truncated log what another owner has moved on in the meantime', async () => {
    const [zombie, successor] = [listen(), listen()];
    await hear(zombie, fetched([record(0, 1, 'a')]));
    await hear(successor, fetched([record(1, 2, 'a')]));

    expect(await hear(zombie, fetched([record(1, 2, 'a')]))).toMatchObject({ kind: 'retry' });
    expect(await hear(zombie, fetched([record(1, 2, 'a')]))).toEqual({ kind: 'continue', at: 2 });
    await hear(successor, fetched([record(2, 3, 'a')]));
    expect(await hear(zombie, fetched([record(2, 3, 'a')]))).toEqual({ kind: 'continue', at: 3 });
    expect(await hear(zombie, fetched([record(3, 4, 'a')]))).toEqual({ kind: 'continue', at: 4 });
    expect(await storyOf('a')).toBe('id-1 id-2 id-3 id-4');
  });

  it('goes on over a hole that markers or compaction left', async () => {
    const listener = listen();
    await hear(listener, fetched([record(0, 1, 'a')]));
    await hear(listener, fetched([record(3, 2, 'a')]));

    expect(await hear(listener, fetched([record(3, 2, 'a')]))).toEqual({ kind: 'continue', at: 4 });
    expect(await storyOf('a')).toBe('id-1 id-2');
  });

  it('stops when the producer speaks from another database', async () => {
    const listener = listen();
    await hear(listener, fetched([record(0, 9, 'a')]));

    expect(await hear(listener, fetched([record(1, 10, 'a', { epoch: 'e2' })]))).toEqual({ kind: 'stop', code: 'producer.epoch_changed' });
  });

  it('tries again after an outage and loses nothing', async () => {
    const listener = listen();
    let broken = true;
    handle = async (batch, tx) => {
      await counting(batch, tx);
      if (broken) throw Object.assign(new Error('deadlock'), { code: '40P01' });
    };
    expect(await hear(listener, fetched([record(0, 1, 'a')]))).toMatchObject({ kind: 'retry', at: 0 });
    broken = false;

    expect(await hear(listener, fetched([record(0, 1, 'a')]))).toMatchObject({ kind: 'continue', at: 1 });
    expect(await storyOf('a')).toBe('id-1');
  });

  it('parks what it cannot hear and everything behind it with the same key, while the neighbours flow', async () => {
    const listener = listen();
    const malformed = record(1, 2, 'bad', { value: '{"half' });
    const unknown = record(2, 3, 'new', { headers: { ce_id: 'x', ce_type: 'OrderTeleported', ce_yunken: '3', ce_yunkeepoch: 'e1' } });
    const foreign = record(3, 4, 'foreign', { headers: {} });
    await hear(listener, fetched([record(0, 1, 'good'), malformed, unknown, foreign, record(4, 5, 'bad'), record(5, 6, 'good')]));
    await hear(listener, fetched([record(6, 7, 'bad'), record(7, 8, 'good')]));

    expect((await listParked(db, 10, undefined)).map(({ key, code, records }) => [key, code, records])).toEqual([['bad', 'record.value_malformed', 3], ['foreign', 'record.headers_missing', 1], ['new', 'record.type_unknown', 1]]);
    expect(await storyOf('good')).toBe('id-1 id-6 id-8');
    expect(await storyOf('bad')).toBeUndefined();
  });

  it('parks the one record that a bug stops on, and releases its key in order when the bug is gone', async () => {
    const listener = listen();
    let bug = true;
    handle = async (batch, tx) => {
      if (bug && batch.records.some(({ id }) => id === 'id-2')) throw new TypeError('of undefined');
      await counting(batch, tx);
    };
    await hear(listener, fetched([record(0, 1, 'a'), record(1, 2, 'b'), record(2, 3, 'a'), record(3, 4, 'b')]));
    expect(await storyOf('a')).toBe('id-1 id-3');
    expect(await listParked(db, 10, undefined)).toMatchObject([{ key: 'b', code: 'handler.failed', records: 2 }]);
    await expect(listener.release(place, 'b')).rejects.toThrow('of undefined');
    bug = false;

    expect(await listener.release(place, 'b')).toBe(2);
    await hear(listener, fetched([record(4, 5, 'b')]));
    expect(await storyOf('b')).toBe('id-2 id-4 id-5');
    await expect(listener.release(place, 'b')).rejects.toMatchObject({ code: 'parked.not_found' });
  });

  it('hears the partitions of a topic together, in transactions of a thousand records, two at a time when there is more', async () => {
    const sizes: number[] = [];
    handle = async (batch, tx) => {
      sizes.push(batch.records.length);
      await counting(batch, tx);
    };
    const many = (from: number, count: number, key: string): Fetch => fetched(Array.from({ length: count }, (_, index) => record(index, from + index, key)));

    expect(await listen().heard([many(1, 5, 'a'), of(1, many(1, 1_990, 'b')), of(2, many(1, 10, 'c'))], beat)).toEqual([5, 1_990, 10].map((at) => ({ kind: 'continue', at })));
    expect(sizes.sort((a, b) => b - a)).toEqual([1_000, 990, 15]);
    expect((await db.query<{ n: number }>('select n from counts order by key')).map(({ n }) => n)).toEqual([5, 1_990, 10]);
  });

  it('goes on with the other partitions where another owner moved one, and where a bug stops on a record', async () => {
    const [listener, successor] = [listen(), listen()];
    await listener.heard([0, 1, 2].map((partition) => of(partition, fetched([record(0, 1, `${partition}`)]))), beat);
    await hear(successor, of(1, fetched([record(1, 2, '1')], 0))); // seeks
    await hear(successor, of(1, fetched([record(1, 2, '1')])));
    handle = async (batch, tx) => {
      if (batch.records.some(({ key, id }) => key === '2' && id === 'id-3')) throw new TypeError('of undefined');
      await counting(batch, tx);
    };

    expect(await listener.heard([0, 1, 2].map((partition) => of(partition, fetched([record(1, 2, `${partition}`), record(2, 3, `${partition}`)]))), beat))
      .toEqual([{ kind: 'continue', at: 3 }, { kind: 'retry', at: 1, afterMs: 100 }, { kind: 'continue', at: 3 }]);
    expect([await storyOf('0'), await storyOf('1'), await storyOf('2')]).toEqual(['id-1 id-2 id-3', 'id-1 id-2', 'id-1 id-2']);
    expect(await listParked(db, 10, undefined)).toMatchObject([{ partition: 2, key: '2', records: 1 }]);
  });

  it('tries all of them again after an outage', async () => {
    const listener = listen();
    handle = async () => {
      throw Object.assign(new Error('deadlock'), { code: '40P01' });
    };
    const fetches = [0, 1].map((partition) => of(partition, fetched([record(0, 1, `${partition}`)])));
    expect(await listener.heard(fetches, beat)).toMatchObject([{ kind: 'retry', at: 0 }, { kind: 'retry', at: 0 }]);
    handle = counting;

    expect(await listener.heard(fetches, beat)).toMatchObject([{ kind: 'continue', at: 1 }, { kind: 'continue', at: 1 }]);
  });

  it('hears of a state topic of its own only the copies, and what another epoch of its database said', async () => {
    const told: string[][] = [];
    const listener = new Listener({ db, log, service: 'test', report: () => undefined, hearings: [{ stream, copiesOnly: true, handle: async (batch) => told.push(batch.records.map(({ id }) => id)) }] });
    const { epoch } = voiceOf(db);
    const own = (offset: number, n: number): LogRecord => record(offset, n, 'a', { epoch });
    await hear(listener, fetched([own(0, 1), own(1, 2), own(2, 1), own(3, 3)]));
    await hear(listener, fetched([own(4, 4), own(5, 5)]));
    await hear(listener, fetched([record(6, 9, 'a', { epoch: 'before the fail-over' }), own(7, 5), own(8, 6)]));

    expect(told).toEqual([['id-1'], ['id-9', 'id-5']]);
  });
});
