import { throwAwayDatabase } from '@yunke/testing';

import { Db } from './db.js';

describe('a transaction', () => {
  let db: Db;

  beforeAll(async () => {
    db = await Db.open({ url: await throwAwayDatabase({ name: 'postgres', migrations: [] }), applicationName: 'test', poolSize: 1 });
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

  it('whose connection is lost throws that, and the next one gets another', async () => {
    await expect(db.tx(async (tx) => {
      await tx.query('insert into shelf values ($1)', [5]);
      await tx.query('select pg_terminate_backend(pg_backend_pid())');
    })).rejects.toThrow();
    await db.tx((tx) => tx.query('insert into shelf values ($1)', [6]));
    expect(await shelf()).toEqual([1, 2, 6]);
  });
});
