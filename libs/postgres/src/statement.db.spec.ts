import fc from 'fast-check';
import { Client, types } from 'pg';

import { throwAwayDatabase } from '@yunke/testing';

import { Db } from './db.js';
import { isTransient } from './errors.js';
import { Statements, type Answer, type Named } from './statement.js';

describe('a prepared statement', () => {
  let db: Db;

  beforeAll(async () => {
    db = await Db.open({ url: await throwAwayDatabase({ name: 'postgres', migrations: [] }), applicationName: 'test', poolSize: 1 });
  });
  afterAll(() => db.close());

  it('takes arrays of texts, numbers, booleans and nulls as they are', async () => {
    const texts = fc.array(fc.option(fc.string({ unit: 'binary' }).map((text) => text.replaceAll('\0', ''))), { maxLength: 20 });
    const rows = fc.record({ texts, numbers: fc.array(fc.option(fc.double({ noDefaultInfinity: true, noNaN: true }).map((n) => n + 0)), { maxLength: 20 }), flags: fc.array(fc.boolean()) });
    await fc.assert(fc.asyncProperty(rows, async ({ texts, numbers, flags }) => {
      const [row] = await db.query('select $1::text[] as texts, $2::float8[] as numbers, $3::boolean[] as flags', [texts, numbers, flags]);
      expect(row).toEqual({ texts, numbers, flags });
    }), { numRuns: 100 });
    expect(await db.query('select $1::text[] as texts', [['"', '\\', '{a,b}', 'null', 'NULL', '', ' ', '云客', '\n']])).toEqual([{ texts: ['"', '\\', '{a,b}', 'null', 'NULL', '', ' ', '云客', '\n'] }]);
  });

  it('is prepared anew when a migration gave its table another column', async () => {
    const read = () => db.tx((tx) => tx.query('select * from shelf where id = $1', [1]));
    await db.query('create table shelf (id int)');
    await db.query('insert into shelf values (1)');
    for (let i = 0; i < 3; i += 1) expect(await read()).toEqual([{ id: 1 }]);
    await db.query('alter table shelf add column books int not null default 7');

    const error: unknown = await read().then(() => undefined, (failure: unknown) => failure);

    expect(isTransient(error)).toBe(true);
    expect(await read()).toEqual([{ id: 1, books: 7 }]);
  });

  it('is refused when an array holds what Postgres would have to guess', async () => {
    await expect(db.query('select $1::text[]', [[{ a: 1 }]])).rejects.toThrow('An array parameter holds');
    expect(await db.query('select $1::json as object, $2::timestamptz as at, $3::bytea as bytes, $4::int as n, $5::text as nothing', [{ a: 1 }, new Date(0), Buffer.from([0, 255]), 7, undefined]))
      .toEqual([{ object: { a: 1 }, at: new Date(0), bytes: Buffer.from([0, 255]), n: 7, nothing: null }]);
  });
});

describe('statements that are sent as one', () => {
  let client: Client;
  const together = (...statements: readonly Named[]): Promise<readonly Answer[]> =>
    new Promise((resolve, reject) => void client.query(new Statements(statements, (error, answers) => (error ? reject(error) : resolve(answers)))));
  const put = (n: number): Named => ({ name: 'put', text: 'insert into jar values ($1)', values: [String(n)] });
  const count: Named = { name: 'count', text: 'select count(*)::int as n from jar', values: [] };

  beforeAll(async () => {
    client = new Client({ connectionString: await throwAwayDatabase({ name: 'postgres', migrations: [] }) });
    await client.connect();
    await client.query('create table jar (n int check (n > 0))');
  });
  afterAll(() => client.end());

  it('are answered one by one, the first time and every other', async () => {
    for (const n of [1, 2, 3]) expect(await together(put(n), count, put(n), count)).toEqual([
      { command: 'INSERT', rows: [] }, { command: 'SELECT', rows: [{ n: 2 * n - 1 }] }, { command: 'INSERT', rows: [] }, { command: 'SELECT', rows: [{ n: 2 * n }] },
    ]);
  });

  it('are skipped after one that fails, with all before it undone; the connection goes on, and knows what it has not prepared', async () => {
    const other: Named = { name: 'other', text: 'select $1::int as n', values: ['7'] };

    await expect(together(put(8), put(-1), other)).rejects.toThrow('jar_n_check');
    await expect(together({ name: 'wrong', text: 'no sql', values: [] }, other)).rejects.toThrow('syntax error');

    expect(await together(other, count)).toEqual([{ command: 'SELECT', rows: [{ n: 7 }] }, { command: 'SELECT', rows: [{ n: 6 }] }]);
  });

  it('give no rows of one to another, and null where there is nothing', async () => {
    const none: Named = { name: 'none', text: 'select 1 as a where false', values: [] };
    const nulls: Named = { name: 'nulls', text: 'select null::int as a, true as b union all select 2, null', values: [] };

    for (let n = 0; n < 2; n += 1) expect((await together(none, nulls, none)).map(({ rows }) => rows)).toEqual([[], [{ a: null, b: true }, { a: 2, b: null }], []]);
  });

  it('whose answer cannot be read are an error, and the connection goes on', async () => {
    const MONEY = 790;
    types.setTypeParser(MONEY, () => { throw new Error('no such money'); });

    await expect(together({ name: 'money', text: 'select 1::money', values: [] }, count)).rejects.toThrow('no such money');
    expect(await together(count)).toEqual([{ command: 'SELECT', rows: [{ n: 6 }] }]);
  });
});
