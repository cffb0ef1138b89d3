import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

import { throwAwayDatabase } from '@yunke/testing';

import { Db } from './db.js';
import { isTransient } from './errors.js';

describe('a transaction', () => {
  let url: string;
  let db: Db;

  beforeAll(async () => {
    url = await throwAwayDatabase({ name: 'postgres', migrations: [] });
    db = await Db.open({ url, applicationName: 'test', poolSize: 1 });
    await db.query('create table shelf (id int primary key)');
  });
  afterAll(() => db.close());
  const shelf = async (): Promise<number[]> => (await db.query<{ id: number }>('select id from shelf order by id')).map(({ id }) => id);

  it('is committed with all of it, and then what waits for that runs', async () => {
    const after: string[] = [];
    const said = await db.tx(async (tx) => {
      tx.beforeCommit(async () => void (await tx.query('insert into shelf values ($1)', [2])));
      tx.afterCommit(() => after.push('committed'));
      await tx.query('insert into shelf values ($1)', [1]);
      return after.length;
    });
    expect([said, after, await shelf()]).toEqual([0, ['committed'], [1, 2]]);
  });

  it('leaves nothing, and throws the same error, when its work or a last step fails', async () => {
    const error = new Error('no');
    await expect(db.tx(async (tx) => { await tx.query('insert into shelf values ($1)', [3]); throw error; })).rejects.toBe(error);
    await expect(db.tx(async (tx) => { await tx.query('insert into shelf values ($1)', [3]); tx.beforeCommit(() => Promise.reject(error)); })).rejects.toBe(error);
    expect(await shelf()).toEqual([1, 2]);
  });

  it('is an error when somebody swallowed that of a statement: Postgres commits nothing then, and says so only in passing', async () => {
    const committed: string[] = [];
    await expect(db.tx(async (tx) => {
      tx.afterCommit(() => committed.push('committed'));
      await tx.query('insert into shelf values ($1)', [4]);
      await tx.query('insert into shelf values ($1)', [1]).catch(() => undefined);
    })).rejects.toThrow('rolled back');
    expect([committed, await shelf()]).toEqual([[], [1, 2]]);
  });

  it('is an error as well when that was its first statement', async () => {
    await expect(db.tx(async (tx) => {
      await tx.query('insert into shelf values ($1)', [1]).catch(() => undefined);
      await tx.query('insert into shelf values ($1)', [4]).catch(() => undefined);
    })).rejects.toThrow('duplicate key');
    expect(await shelf()).toEqual([1, 2]);
  });

  it('lets no statement stand alone when it did not begin', async () => {
    const other = await Db.open({ url, applicationName: 'test', poolSize: 1 });
    try {
      await other.tx((tx) => tx.query('select 1'));
      await other.query('deallocate yunke_begin'); // its one connection believes that it is still there
      await expect(other.tx((tx) => Promise.all([1, 2].map((n) => tx.query('insert into shelf values ($1)', [n + 40]))))).rejects.toThrow('yunke_begin');
      await other.tx((tx) => tx.query('select 1')); // by a connection of its own again
    } finally {
      await other.close();
    }
    expect(await shelf()).toEqual([1, 2]);
  });

  it('lets no statement stand alone behind its end', async () => {
    const late: Promise<unknown>[] = [];
    await expect(db.tx(async (tx) => {
      late.push(...[50, 51].map((n) => tx.query('insert into shelf values ($1)', [n])));
      throw new Error('at once');
    })).rejects.toThrow('at once');
    expect((await Promise.allSettled(late)).map(({ status }) => status)).toEqual(['fulfilled', 'rejected']);
    expect(await shelf()).toEqual([1, 2]);
  });

  it('has its first statement after its beginning, with or without parameters', async () => {
    for (const first of ['select txid_current_if_assigned() is null as here', 'select txid_current_if_assigned() is null and $1 as here']) {
      await expect(db.tx(async (tx) => {
        expect(await tx.query(first, first.includes('$1') ? [true] : [])).toEqual([{ here: true }]);
        await tx.query('savepoint here');
        await tx.query('insert into shelf values (7)');
        throw new Error('back');
      })).rejects.toThrow('back');
    }
    expect([await db.tx(async () => 'nothing to do'), await shelf()]).toEqual(['nothing to do', [1, 2]]);
  });

  it('whose connection is lost throws that, and the next one gets another', async () => {
    await expect(db.tx(async (tx) => {
      await tx.query('insert into shelf values ($1)', [5]);
      await tx.query('select pg_terminate_backend(pg_backend_pid())');
    })).rejects.toThrow();
    await db.tx((tx) => tx.query('insert into shelf values ($1)', [6]));
    expect(await shelf()).toEqual([1, 2, 6]);
  });

  it('lets go of what its statements read with the next small collection: nothing that stays refers to it', async () => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as (how: { type: 'minor' }) => void;
    const read: WeakRef<object>[] = [];
    for (let n = 0; n < 20; n += 1) await db.tx(async (tx) => { read.push(new WeakRef(await tx.query('select $1::int as n', [n]))); });
    for (let n = 0; n < 2; n += 1) {
      await pause(1);
      collect({ type: 'minor' });
    }
    expect(read.filter((rows) => rows.deref()).length).toBeLessThan(5);
  });

  it('is given up when the server falls silent, as a middlebox makes it, and the next one gets another connection', async () => {
    const server = new URL(await throwAwayDatabase({ name: 'postgres', migrations: [] }));
    const pairs: Socket[] = [];
    const between = createServer((near) => {
      const far = connect(Number(server.port), server.hostname);
      for (const end of [near, far]) end.on('error', () => undefined);
      near.pipe(far).pipe(near);
      pairs.push(near, far);
    });
    await new Promise<void>((resolve) => between.listen(0, '127.0.0.1', resolve));
    const url = new URL(server);
    url.port = String((between.address() as AddressInfo).port);
    const through = await Db.open({ url: url.href, applicationName: 'test', poolSize: 1, answerWithinMs: 300 });
    const one = () => through.query<{ one: number }>('select $1::int as one', [1]);
    const fallSilent = () => { for (const end of pairs.splice(0)) end.pause().unpipe(); };
    try {
      expect(await one()).toEqual([{ one: 1 }]);
      const silenced = through.tx(async (tx) => { await tx.query('select $1::int', [1]); fallSilent(); await tx.query('select $1::int', [2]); });
      expect(isTransient(await silenced.catch((error: unknown) => error))).toBe(true);
      expect(await one()).toEqual([{ one: 1 }]);
      fallSilent();
      expect(isTransient(await one().catch((error: unknown) => error))).toBe(true);
      expect(await through.tx((tx) => tx.query('select $1::int as one', [1]))).toEqual([{ one: 1 }]);
    } finally {
      await through.close();
      for (const end of pairs) end.destroy();
      between.close();
    }
  });
});
