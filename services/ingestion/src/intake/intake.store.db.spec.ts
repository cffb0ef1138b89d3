import { Db } from '@yunke/postgres';
import { migrationsOf } from '@yunke/service';
import { eventually, throwAwayDatabase } from '@yunke/testing';

import { ingestion } from '../ingestion.module.js';
import { heardBefore, remember, sweep, type Arrival } from './intake.store.js';

describe('what the door remembers', () => {
  let db: Db;
  beforeAll(async () => { db = await Db.open({ url: await throwAwayDatabase({ name: 'ingestion', migrations: migrationsOf(ingestion) }), applicationName: 'test' }); });
  afterAll(() => db.close());

  const says = (name: string, fingerprint: string): Arrival => ({ name, item: { fingerprint } });
  const heard = async (...arrivals: Arrival[]) => db.tx(async (tx) => {
    const { fresh } = await remember(tx, arrivals);
    return { fresh, before: Object.fromEntries([...(await heardBefore(tx, arrivals))].map(([name, { fingerprint }]) => [name, fingerprint])) };
  });

  const somebodyWaits = () => eventually(async () => expect(await db.query(`select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`)).toHaveLength(1));

  it('is the first of a name, and told apart from what the same transaction brought', async () => {
    expect(await heard(says('s b', '9'), says('s a', '2'), says('s b', '1'), says('s b', '9'))).toEqual({ fresh: 2, before: {} });
    expect(await heard(says('s b', '1'), says('s c', '3'))).toEqual({ fresh: 1, before: { 's b': '9' } });
    expect(await heard()).toEqual({ fresh: 0, before: {} });
  });

  it('is that of the transaction that was faster, for whoever waits for it meanwhile', async () => {
    const inserted = Promise.withResolvers<void>();
    const goOn = Promise.withResolvers<void>();
    const first = db.tx(async (tx) => { await remember(tx, [says('s raced', '1')]); inserted.resolve(); await goOn.promise; });
    await inserted.promise;
    const second = heard(says('s raced', '2'));
    await somebodyWaits();
    goOn.resolve();
    await first;

    expect(await second).toEqual({ fresh: 0, before: { 's raced': '1' } });
  });

  it('is one\'s own when the faster transaction came to nothing', async () => {
    const inserted = Promise.withResolvers<void>();
    const goOn = Promise.withResolvers<void>();
    const first = db.tx(async (tx) => { await remember(tx, [says('s undone', '1')]); inserted.resolve(); await goOn.promise; throw new Error('no'); }).catch(() => undefined);
    await inserted.promise;
    const second = heard(says('s undone', '2'));
    await somebodyWaits();
    goOn.resolve();
    await first;

    expect(await second).toEqual({ fresh: 1, before: {} });
  });

  it('is forgotten after seven days and not before, wherever it stands in the table and wherever the sweep began', async () => {
    await db.query('delete from seen_messages');
    await db.query(`insert into seen_messages select 's ' || n, 'f', clock_timestamp() - interval '7 days' + case when n % 3 = 0 then interval '1 hour' else interval '-1 second' end from generate_series(1, 2000) n`);
    let page = await db.tx((tx) => sweep(tx));
    for (let rounds = 0, steps = 0; rounds < 2; rounds += page === 0 ? 1 : 0) {
      expect((steps += 1)).toBeLessThan(500);
      page = await db.tx((tx) => sweep(tx, page));
    }
    expect(await db.query(`select count(*)::int as left, count(*) filter (where split_part(message, ' ', 2)::int % 3 = 0)::int as young from seen_messages`)).toEqual([{ left: 666, young: 666 }]);
  });
});
