import { Db, migrate, type Tx } from '@yunke/postgres';
import { SECRET, anOrderObserved, eventually, throwAwayDatabase } from '@yunke/testing';

import type { Append, EventLog } from './log.js';
import { eventMigrations } from './migrations/event-tables.js';
import { Relay } from './relay.js';
import { say, type CausedFact } from './say.js';
import { giveVoice, settle } from './voice.js';

const order = (orderId: string, cause: string): CausedFact => ({ type: 'OrderObserved', body: anOrderObserved({ orderId, messageId: cause }), cause });

describe('a relay', () => {
  let db: Db;
  let epoch: string;
  let sent: { orderId: string; n: number; id: string; partition: number; value: string; key: string | null; headers: object }[];
  let failing = false;
  const relays: Relay[] = [];
  const log = {
    async append(batch: readonly Append[]) {
      for (const { partition, records } of batch) for (const { key, value, headers } of records) {
        const { ce_yunken: n, ...others } = headers;
        sent.push({ partition, n: Number(n), id: headers['ce_id']!, orderId: JSON.parse(value!).orderId, key, value: value!, headers: others });
      }
      if (failing) throw new Error('the acknowledgement was lost');
    },
  } as unknown as EventLog;
  const start = (leaseMs = 1_000): Relay => {
    const relay = new Relay({ db, log, service: 'test', epoch, leaseMs, report: () => undefined });
    relays.push(relay);
    giveVoice(db, { service: 'test', secret: SECRET, partitions: 4, epoch, said: (rows) => relay.said(rows) });
    relay.start();
    return relay;
  };

  beforeEach(async () => {
    db = await Db.open({ url: await throwAwayDatabase({ name: 'events', migrations: eventMigrations }), applicationName: 'test', migrations: eventMigrations });
    await migrate(db);
    ({ epoch } = await settle(db, 4));
    giveVoice(db, { service: 'test', secret: SECRET, partitions: 4, epoch, said: () => undefined });
    sent = [];
    failing = false;
  });
  afterEach(async () => {
    await Promise.all(relays.splice(0).map((relay) => relay.stop()));
    await db.close();
  });

  it('publishes everything once, numbered without a gap, and leaves nothing behind', async () => {
    start();
    for (let i = 0; i < 20; i += 1) await db.tx(async (tx) => say(tx, [order(`o${i}`, `c${i}`), order(`o${i}`, `d${i}`)]));

    await eventually(() => expect(sent).toHaveLength(40));
    expect(sent.map(({ n }) => n).sort((a, b) => a - b)).toEqual(Array.from({ length: 40 }, (_, i) => i + 1));
    await eventually(async () => expect(await db.query('select 1 from outbox union all select 1 from relay_batch')).toEqual([]));
  });

  it('does not skip a transaction that commits late though it began early', async () => {
    let finish!: () => void;
    const wait = new Promise<void>((resolve) => (finish = resolve));
    let early: Promise<void> = Promise.resolve();
    await new Promise<void>((began) => {
      early = db.tx(async (tx: Tx) => {
        say(tx, [order('early', 'c1')]);
        tx.beforeCommit(async () => {
          began();
          await wait;
        });
      });
    });
    start();
    await db.tx(async (tx) => say(tx, [order('late', 'c2')]));
    await eventually(() => expect(sent.map(({ orderId }) => orderId)).toEqual(['late']));
    finish();
    await early;

    await eventually(() => expect(sent.map(({ orderId, n }) => [orderId, n])).toEqual([['late', 1], ['early', 2]]));
  });

  it('sends a batch whose acknowledgement was lost again, as it was, before anything else', async () => {
    failing = true;
    start();
    await db.tx(async (tx) => say(tx, [order('a', 'c1'), order('b', 'c2')]));
    await eventually(() => expect(sent.length).toBeGreaterThanOrEqual(2));
    await db.tx(async (tx) => say(tx, [order('c', 'c3')]));
    failing = false;

    await eventually(() => expect(sent.some(({ orderId }) => orderId === 'c')).toBe(true));
    const numbers = new Map(sent.map(({ orderId, n }) => [orderId, n]));
    expect(sent.every(({ orderId, n, id }) => numbers.get(orderId) === n && sent.find((other) => other.n === n)!.id === id)).toBe(true);
    expect(sent.at(-1)!.orderId).toBe('c');
    expect(sent.length).toBeGreaterThan(3);
  });

  describe('where it takes what is said from', () => {
    let read = 0;
    /** A relay that tells how many rows it read back, of what its own or another process says. */
    const startCounted = async ({ says = 'itself', keptAtMost }: { says?: 'itself' | 'another'; keptAtMost?: number } = {}): Promise<void> => {
      read = 0;
      const counted = Object.create(db, { query: { value: async (sql: string, params?: unknown[]) => {
        const rows = await db.query(sql, params);
        if (sql.includes('payload from outbox')) read += rows.length;
        return rows;
      } } }) as Db;
      const relay = new Relay({ db: counted, log, service: 'test', epoch, report: () => undefined, ...(keptAtMost !== undefined && { keptAtMost }) });
      relays.push(relay);
      giveVoice(db, { service: 'test', secret: SECRET, partitions: 4, epoch, said: (rows) => says === 'itself' && relay.said(rows) });
      relay.start();
      await db.tx(async (tx) => say(tx, [order('first', 'c')])); // from then on it leads
      await eventually(() => expect(sent).toHaveLength(1));
      read = 0;
    };
    const sayMany = async (): Promise<void> => {
      for (let i = 0; i < 20; i += 1) await db.tx(async (tx) => say(tx, [order(`o${i}`, `c${i}`), order(`p${i}`, `d${i}`)]));
    };

    it('is memory for what its own process says', async () => {
      await startCounted();
      await sayMany();

      await eventually(() => expect(sent).toHaveLength(41));
      expect(read).toBeLessThan(20); // a row that was claimed before its commit was told here is read
    });

    it.each([['what another process says', { says: 'another' as const }], ['what is too much to keep', { keptAtMost: 100 }]])('is the table for %s', async (_, options) => {
      await startCounted(options);
      await sayMany();

      await eventually(() => expect(sent).toHaveLength(41));
      expect(read).toBeGreaterThan(10);
    });

    it('is nothing that another relay published: who lost the lease between claim and read sends nothing', async () => {
      const taken = Object.create(db, { query: { value: async (sql: string, params?: unknown[]) => {
        if (sql.includes('payload from outbox')) await db.query(`update relay_lease set owner = 'another', fence = fence + 1, expires_at = 'infinity'; delete from relay_batch; delete from outbox`);
        return db.query(sql, params);
      } } }) as Db;
      const reports: string[] = [];
      const relay = new Relay({ db: taken, log, service: 'test', epoch, report: (_level, message) => reports.push(message) });
      relays.push(relay);
      relay.start();
      await db.tx(async (tx) => say(tx, [order('o', 'c')]));

      await eventually(async () => expect(await db.query(`select from relay_lease where owner = 'another'`)).toHaveLength(1));
      await relay.stop();
      expect(sent).toEqual([]);
      expect(reports).toEqual([]);
    });

    it('holds more rows than one statement writes', async () => {
      const many = async (tx: Tx): Promise<void> => say(tx, Array.from({ length: 600 }, (_, i) => order(`o${i}`, `c${i}`)));
      const partitions = 200;
      for (const said of [(rows: Parameters<Relay['said']>[0]) => relays.at(-1)!.said(rows), () => undefined]) {
        const relay = new Relay({ db, log, service: 'test', epoch, report: () => undefined });
        relays.push(relay);
        giveVoice(db, { service: 'test', secret: SECRET, partitions, epoch, said });
        relay.start();
        await db.tx(many);
        await eventually(() => expect(sent.length % 600).toBe(0));
        await eventually(async () => expect(await db.query('select 1 from outbox')).toEqual([]));
        await relay.stop();
      }

      const [first, second] = [sent.slice(0, 600), sent.slice(600)].map((all) => new Map(all.map(({ orderId, partition, value }) => [orderId, { partition, value }])));
      expect(first!.size).toBe(600);
      expect(second).toEqual(first);
      expect(new Set(sent.map(({ partition }) => partition)).size).toBeGreaterThan(150);
    });

    it('makes no difference', async () => {
      await startCounted();
      await sayMany();
      await eventually(() => expect(sent).toHaveLength(41));
      const kept = sent.splice(0);
      await Promise.all(relays.splice(0).map((relay) => relay.stop()));
      await startCounted({ says: 'another' });
      await sayMany();
      await eventually(() => expect(sent).toHaveLength(41));

      const bare = (all: typeof sent): unknown[] => all.map(({ n: _n, ...rest }) => rest).sort((a, b) => (a.id < b.id ? -1 : 1));
      expect(bare(sent)).toEqual(bare(kept));
    });
  });

  it('hands its lease over when it stops, and another goes on with the numbers', async () => {
    const first = start();
    await db.tx(async (tx) => say(tx, [order('a', 'c1')]));
    await eventually(() => expect(sent).toHaveLength(1));
    await first.stop();
    start();
    await db.tx(async (tx) => say(tx, [order('b', 'c2')]));

    await eventually(() => expect(sent.map(({ n }) => n)).toEqual([1, 2]));
  });

  it('asks for the lease ten times a second and no more, also when its process commits', async () => {
    start(60_000);
    await eventually(async () => expect(await db.query('select from relay_lease where expires_at > clock_timestamp()')).toHaveLength(1));
    let asked = 0;
    const counted = Object.create(db, { query: { value: (sql: string, params?: unknown[]) => ((asked += sql.includes('update relay_lease') ? 1 : 0), db.query(sql, params)) } }) as Db;
    const second = new Relay({ db: counted, log, service: 'test', epoch, report: () => undefined });
    relays.push(second);
    second.start();
    second.said([]);
    await eventually(() => expect(asked).toBeGreaterThan(0));

    const since = performance.now();
    const before = asked;
    await eventually(() => expect(asked - before).toBeGreaterThanOrEqual(5));
    expect(performance.now() - since).toBeGreaterThan(350);
  });

  it('says the same when a transaction is tried again', async () => {
    start();
    const attempt = () => db.tx(async (tx) => {
      say(tx, [order('a', 'the cause'), order('a', 'the cause')]);
      tx.beforeCommit(async () => { throw new Error('not this time'); });
    });
    await expect(attempt()).rejects.toThrow('not this time');
    await db.tx(async (tx) => say(tx, [order('a', 'the cause'), order('a', 'the cause')]));
    await db.tx(async (tx) => say(tx, [order('a', 'the cause')]));

    await eventually(() => expect(sent).toHaveLength(3));
    expect(sent[0]!.id).not.toBe(sent[1]!.id);
    expect(sent[2]!.id).toBe(sent[0]!.id);
  });
});
