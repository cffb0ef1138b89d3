import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { streams } from '@yunke/contracts';
import { DAY, HOUR, iso } from '@yunke/kernel';
import { Settings } from '@yunke/service';
import { SECRET, eventually, serviceUnderTest, type ServiceUnderTest } from '@yunke/testing';

import { entered, operator, placed, profileOf, recorded } from '../notifications.fixture.js';
import { NotificationsConfig } from '../notifications.config.js';
import { notifications } from '../notifications.module.js';
import { decideReady } from './deciding.worker.js';

describe('deciding', () => {
  const directory = mkdtempSync(join(tmpdir(), 'yunke-clock-'));
  const clock = join(directory, 'clock');
  let service: ServiceUnderTest;
  let offset = 0;
  const advance = (ms: number): void => writeFileSync(clock, String((offset += ms)));
  beforeAll(async () => {
    advance(0);
    process.env['YUNKE_CLOCK'] = clock;
    service = await serviceUnderTest(notifications, { YUNKE_SECRET: SECRET, YUNKE_CALL_SECONDS: '1' });
    await api.put('/policy', { caps: [{ class: 'marketing', most: 1, withinHours: 16 }] });
  });
  afterAll(async () => {
    await service.stop();
    delete process.env['YUNKE_CLOCK'];
    rmSync(directory, { recursive: true });
  });

  const api = operator(() => service);
  const config = new NotificationsConfig(new Settings({ YUNKE_SECRET: SECRET, YUNKE_CALL_SECONDS: '1' }));
  const statesOf = async (name: string): Promise<Record<string, number>> => {
    const rows = await service.db.query<{ state: string; count: number }>(`select state, count(*)::int as count from intents where profile_id = $1 and class = 'marketing' group by state`, [profileOf(name)]);
    return Object.fromEntries(rows.map(({ state, count }) => [state, count]));
  };

  it('lets a cap hold although many workers decide at once, and leaves what a dead one called in doubt', async () => {
    await service.hear(recorded('raced', { marketingConsent: 'true' }), placed('shop:R1', 'raced'));
    await eventually(async () => expect(await api.mailTo('raced')).toHaveLength(1)); // the address is known: no row is new, which would make workers wait for each other
    await service.hear(...Array.from({ length: 60 }, (_, index) => entered('raced', 'value.high', { seq: String(index + 1) })));

    const others = await Promise.all(Array.from({ length: 6 }, async () => {
      const called: string[] = [];
      await eventually(async () => {
        called.push(...(await service.db.tx((tx) => decideReady(tx, 'email', 3, config))).calls.map(({ id }) => id)); // and dies before it calls
        const { waiting = 0, sent = 0, calling = 0, unknown = 0 } = await statesOf('raced');
        expect(waiting + sent + calling + unknown).toBe(60);
      });
      return called;
    }));

    const states = await eventually(async () => { const found = await statesOf('raced'); expect(found['calling']).toBeUndefined(); return found; });
    expect(states).toEqual(others.flat().length === 0 ? { sent: 1, waiting: 59 } : { unknown: 1, waiting: 59 });
    expect((await api.mailTo('raced')).length).toBe(1 + (states['sent'] ?? 0));
  });

  it('asks again when a delay ends: one more goes out, the rest wait on, until all of them are too old', async () => {
    await service.hear(recorded('patient', { marketingConsent: 'true' }), entered('patient'), entered('patient', 'value.high', { seq: '2' }), entered('patient', 'value.high', { seq: '3' }));
    await eventually(async () => expect(await statesOf('patient')).toEqual({ sent: 1, waiting: 2 }));

    advance(16 * HOUR + 1_000);
    await eventually(async () => expect(await statesOf('patient')).toEqual({ sent: 2, waiting: 1 }));
    await api.put('/policy', { caps: [{ class: 'marketing', most: 0, withinHours: 16 }] });
    advance(16 * HOUR + 1_000);
    await eventually(async () => expect(await statesOf('patient')).toEqual({ sent: 2, dropped: 1 }));

    const [dropped] = (await api.intentsOf('patient')).filter(({ state }) => state === 'dropped');
    expect(dropped).toMatchObject({ why: 'cap.full', attempts: 0 });
    await eventually(async () => expect((await service.said(streams.notificationsDeliveries)).filter(({ body }) => body['intentId'] === dropped.id)).toHaveLength(1));
  });

  it('calls again for an order what a dead process had called, with the same id', async () => {
    await service.hear(placed('shop:L1', 'lost', { effectiveAt: iso(Date.now() + offset) }));
    await eventually(async () => expect((await api.get('/intents?state=waiting&rule=order-placed')).body.items).toMatchObject([{ why: 'profile.unknown' }]));
    const [{ id }] = (await api.get('/intents?state=waiting&rule=order-placed')).body.items;
    await service.db.query(`update intents set state = 'calling', attempts = 1, called_at = clock_timestamp(), lease_until = clock_timestamp(), profile_id = $2 where id = $1`, [id, profileOf('lost')]); // as a process leaves it that dies now
    await service.hear(recorded('lost'));

    await eventually(async () => expect((await api.get(`/intents/${id}`)).body).toMatchObject({ state: 'sent', attempts: 2, calls: [{ attempt: 1, result: 'unclear', why: 'call.unfinished' }, { attempt: 2, result: 'accepted' }] }));
    expect(await api.mailTo('lost')).toMatchObject([{ messageId: `<${id}@yunke.localhost>`, copies: 1 }]);
  });

  it('calls again at the address at which a message may have arrived, although the customer has another one by now', async () => {
    await service.hear(recorded('moved'), placed('shop:M1', 'moved', { effectiveAt: iso(Date.now() + offset) }));
    const { id } = await eventually(async () => { const [found] = await api.intentsOf('moved'); expect(found).toMatchObject({ state: 'sent' }); return found; });
    await service.hear(recorded('moved', { email: 'moved-on@example.com' }, { version: '2', decision: '2' }));
    await eventually(async () => expect(await service.db.query(`select 1 from people where profile_id = $1 and version = 2`, [profileOf('moved')])).toHaveLength(1));
    await service.db.query(`delete from deliveries where intent_id = $1`, [id]);
    await service.db.query(`update intents set state = 'calling', ended_at = null, lease_until = clock_timestamp() where id = $1`, [id]); // as a process leaves it that dies before it writes the answer down

    await eventually(async () => expect((await api.get(`/intents/${id}`)).body).toMatchObject({ state: 'sent', to: 'moved@example.com', calls: [{ result: 'unclear' }, { result: 'accepted' }] }));
    expect(await api.mailTo('moved')).toMatchObject([{ copies: 2 }]);
    expect(await api.mailTo('moved-on')).toEqual([]);
  });

  it('takes no rest between messages of which none is sent', async () => {
    await service.db.query(`insert into intents (id, fact, fact_id, body, reason, effective_at, rule, rule_version, class, channel, template, priority, created_at, expires_at, state)
      select gen_random_uuid(), 'OrderPlaced', 'f', '{}', 'event', now(), 'too-old', 1, 'transactional', 'email', 'order-placed', 1, now(), now() - interval '1 day', 'ready' from generate_series(1, 1000)`);

    const took = await eventually(async () => {
      const [found] = await service.db.query<{ dropped: number; took: number }>(`select count(*)::int as dropped, extract(epoch from max(ended_at) - min(ended_at))::float8 as took from intents where rule = 'too-old' and why = 'expired'`);
      expect(found).toMatchObject({ dropped: 1_000 });
      return found!.took;
    }, 20_000);
    expect(took).toBeLessThan(6); // 32 at a time, with 200 ms in between, would take longer
  });

  it('gives up on who stays unknown', async () => {
    await service.hear(placed('shop:U1', 'nobody', { effectiveAt: iso(Date.now() + offset) }));
    await eventually(async () => expect((await api.get('/intents?state=waiting')).body.items).toContainEqual(expect.objectContaining({ why: 'profile.unknown' })));
    advance(DAY);

    await eventually(async () => expect((await api.get('/intents?state=dropped&rule=order-placed')).body.items).toMatchObject([{ why: 'expired' }]));
  });
});
