import fc from 'fast-check';

import { throwAwayDatabase } from '@yunke/testing';

import { Db } from './db.js';
import { isTransient } from './errors.js';

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
});
