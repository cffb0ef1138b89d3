import { Sweeper } from '@yunke/service';
import { SECRET, eventually, serviceUnderTest, type ServiceUnderTest } from '@yunke/testing';

import { forgetOld } from './email/mailbox.store.js';
import { forgetEnded } from './intent/intent.store.js';
import { operator, placed, profileOf, recorded } from './notifications.fixture.js';
import { notifications } from './notifications.module.js';

describe('forgetting messages', () => {
  let service: ServiceUnderTest;
  beforeAll(async () => { service = await serviceUnderTest(notifications, { YUNKE_SECRET: SECRET, YUNKE_ENDED_DAYS: '31' }); });
  afterAll(() => service.stop());

  const api = operator(() => service);
  const count = async (table: 'intents' | 'deliveries' | 'mailbox', name: string): Promise<number> => {
    const own = { intents: 'select id from intents where profile_id = $1', deliveries: 'select d.* from deliveries d join intents i on i.id = d.intent_id where i.profile_id = $1', mailbox: 'select id from mailbox where recipient = $1' }[table];
    return (await service.db.query(own, [table === 'mailbox' ? `${name}@example.com` : profileOf(name)])).length;
  };
  const age = (name: string, days: number): Promise<unknown> => service.db.tx(async (tx) => {
    await tx.query(`update intents set created_at = created_at - $2 * interval '1 day', ended_at = ended_at - $2 * interval '1 day' where profile_id = $1`, [profileOf(name), days]);
    await tx.query(`update mailbox set received_at = received_at - $2 * interval '1 day' where recipient = $1`, [`${name}@example.com`, days]);
  });
  const sweep = (): Promise<void> => new Sweeper(service.db, 31, [forgetEnded, forgetOld]).sweep();

  it('takes what ended long ago, with its calls and its mail; what is younger, or has not ended, stays', async () => {
    await service.hear(...['old', 'young', 'waits'].flatMap((name) => [recorded(name, name === 'waits' ? { email: '' } : {}), placed(`shop:${name}`, name)]));
    await eventually(async () => expect(await Promise.all(['old', 'young'].map((name) => api.mailTo(name)))).toMatchObject([[{}], [{}]]));
    await eventually(async () => expect((await api.intentsOf('waits')).map(({ state }) => state)).toEqual(['waiting']));
    await eventually(async () => expect(await service.db.query(`select 1 from intents where ended_at is not null`)).toHaveLength(2));
    await Promise.all([age('old', 32), age('young', 30), age('waits', 400)]);
    const orphans = async (): Promise<number> => (await service.db.query('select 1 from deliveries d left join intents i on i.id = d.intent_id where i.id is null')).length;

    await sweep();

    expect(await Promise.all((['intents', 'deliveries', 'mailbox'] as const).map((table) => count(table, 'old')))).toEqual([0, 0, 0]);
    expect(await Promise.all((['intents', 'deliveries', 'mailbox'] as const).map((table) => count(table, 'young')))).toEqual([1, 1, 1]);
    expect([await count('intents', 'waits'), await orphans()]).toEqual([1, 0]);
  });

  it('takes more than a slice, and what two workers do at once is done once', async () => {
    await service.db.query(
      `insert into intents (id, fact, fact_id, body, reason, effective_at, rule, rule_version, class, channel, priority, created_at, expires_at, state, ended_at)
       select gen_random_uuid(), 'OrderPlaced', 'bulk', '{}', 'event', now(), 'order-placed', 1, 'transactional', 'email', 1, now(), now(), 'dropped', now() - interval '40 days' from generate_series(1, 2500)`);

    await Promise.all([sweep(), sweep()]);

    expect(await service.db.query(`select 1 from intents where fact_id = 'bulk'`)).toEqual([]);
  });

  it('refuses to keep for less than caps and rules look back', async () => {
    await expect(serviceUnderTest(notifications, { YUNKE_SECRET: SECRET, YUNKE_ENDED_DAYS: '30' })).rejects.toThrow('YUNKE_ENDED_DAYS');
  });
});
