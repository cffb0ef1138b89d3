import { Db, migrate, type Tx } from '@yunke/postgres';
import { SECRET, anOrderObserved, eventually, throwAwayDatabase } from '@yunke/testing';

import type { Append, EventLog } from './log.js';
import { EventTables1700000000001 } from './migrations/event-tables.js';
import { Relay } from './relay.js';
import { say, type CausedFact } from './say.js';
import { giveVoice, settle } from './voice.js';

const order = (orderId: string, cause: string): CausedFact => ({ type: 'OrderObserved', body: anOrderObserved({ orderId }), cause });

describe('a relay', () => {
  let db: Db;
  let epoch: string;
  let sent: { orderId: string; n: number; id: string; partition: number }[];
  let failing = false;
  const relays: Relay[] = [];
  const log = {
    async append(batch: readonly Append[]) {
      for (const { partition, records } of batch) for (const { value, headers } of records) sent.push({ partition, n: Number(headers['ce_yunken']), id: headers['ce_id']!, orderId: JSON.parse(value!).orderId });
      if (failing) throw new Error('the acknowledgement was lost');
    },
  } as unknown as EventLog;
  const start = (leaseMs = 1_000): Relay => {
    const relay = new Relay({ db, log, service: 'test', epoch, leaseMs, report: () => undefined });
    relays.push(relay);
    giveVoice(db, { service: 'test', secret: SECRET, partitions: 4, epoch, wake: () => relay.wake() });
    relay.start();
    return relay;
  };

  beforeEach(async () => {
    db = await Db.open({ url: await throwAwayDatabase({ name: 'events', migrations: [EventTables1700000000001] }), applicationName: 'test', migrations: [EventTables1700000000001] });
    await migrate(db);
    ({ epoch } = await settle(db, 4));
    giveVoice(db, { service: 'test', secret: SECRET, partitions: 4, epoch, wake: () => undefined });
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

  it('hands its lease over when it stops, and another goes on with the numbers', async () => {
    const first = start();
    await db.tx(async (tx) => say(tx, [order('a', 'c1')]));
    await eventually(() => expect(sent).toHaveLength(1));
    await first.stop();
    start();
    await db.tx(async (tx) => say(tx, [order('b', 'c2')]));

    await eventually(() => expect(sent.map(({ n }) => n)).toEqual([1, 2]));
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
