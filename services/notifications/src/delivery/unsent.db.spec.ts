import { register } from 'prom-client';

import { SECRET, eventually, serviceUnderTest, type ServiceUnderTest } from '@yunke/testing';

import { operator, placed, recorded } from '../notifications.fixture.js';
import { notifications } from '../notifications.module.js';

describe('what is not sent', () => {
  let service: ServiceUnderTest;
  beforeAll(async () => {
    const nobodyListens = { YUNKE_SMTP_URL: 'smtp://127.0.0.1:1', YUNKE_PUBLIC_URL: 'https://yunke.example.com', YUNKE_STAFF_EMAILS: 'ops@example.com' };
    service = await serviceUnderTest(notifications, { YUNKE_SECRET: SECRET, ...nobodyListens });
  });
  afterAll(() => service.stop());

  const api = operator(() => service);
  const age = async (channel: string): Promise<number | undefined> => {
    await service.vitals.look();
    return (await register.getSingleMetric('yunke_messages_oldest_unsent_age_seconds')!.get()).values.find(({ labels }) => (labels as { channel?: string }).channel === channel)?.value;
  };

  it('is as old as its first call while the mail server is dead, and what the arbiter delays is not late', async () => {
    await service.hear(placed('shop:N1', 'nobody'), placed('shop:N2', 'nobody'));
    await eventually(async () => expect((await api.get('/intents?state=waiting')).body.items.map(({ why }: { why: string }) => why)).toEqual(['profile.unknown', 'profile.unknown']));
    await service.db.query(`update intents set created_at = created_at - interval '30 minutes'`);
    const [{ id }] = (await api.get('/intents?state=waiting')).body.items;
    await service.db.query(`update intents set attempts = 1 where id = $1`, [id]); // delayed after a call, as a rule may do that changed in between
    await service.db.query(`insert into deliveries (intent_id, attempt, channel, result, why, called_at, ended_at) values ($1, 1, 'email', 'busy', 'smtp.421', now() - interval '1 hour', now())`, [id]);
    expect(await age('email')).toBe(0);

    await service.hear(recorded('told'), placed('shop:N3', 'told'));
    await eventually(async () => expect(await api.intentsOf('told')).toMatchObject([{ state: 'waiting', why: 'smtp.unreachable' }]));
    await service.db.query(`update deliveries set called_at = called_at - interval '20 minutes'`);

    expect(await age('email')).toBeGreaterThanOrEqual(20 * 60);
    expect(await age('webhook')).toBe(0);
  });
});
