import type { AddressInfo } from 'node:net';

import { streams } from '@yunke/contracts';
import { SECRET, eventually, serviceUnderTest, type ServiceUnderTest } from '@yunke/testing';
import { SMTPServer } from 'smtp-server';

import { operator, placed, recorded } from '../notifications.fixture.js';
import { notifications } from '../notifications.module.js';

describe('a message that comes back at once', () => {
  const server = new SMTPServer({ authOptional: true, disabledCommands: ['STARTTLS'], logger: false, onRcptTo: (_address, _session, done) => done(Object.assign(new Error('5.1.1 nobody here'), { responseCode: 550 })) });
  let service: ServiceUnderTest;
  beforeAll(async () => {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.server.address() as AddressInfo;
    service = await serviceUnderTest(notifications, { YUNKE_SECRET: SECRET, YUNKE_SMTP_URL: `smtp://127.0.0.1:${port}`, YUNKE_PUBLIC_URL: 'https://yunke.example.com', YUNKE_STAFF_EMAILS: 'ops@example.com' });
  });
  afterAll(async () => {
    await service.stop();
    server.close();
  });

  const api = operator(() => service);

  it('suppresses its address and is told once, though the mail provider reports it as well', async () => {
    await service.hear(recorded('gone'), placed('shop:B1', 'gone'));
    const { id } = await eventually(async () => { const [found] = await api.intentsOf('gone'); expect(found).toMatchObject({ state: 'failed', why: 'smtp.550', bounced: 'hard' }); return found; });
    expect((await api.post('/bounces', { intentId: id, kind: 'hard', why: '5.1.1' })).body).toEqual({ suppressed: false });
    await api.post('/bounces', { intentId: id, kind: 'soft', why: '4.2.2' });

    await eventually(async () => {
      const said = (await service.said(streams.notificationsDeliveries)).filter(({ body }) => body['intentId'] === id);
      expect(said.map(({ type, body }) => [type, body['kind']])).toEqual([['MessageFailed', undefined], ['MessageBounced', 'hard'], ['MessageBounced', 'soft']]);
    });
    expect((await api.get('/contacts?which=suppressed')).body.items).toMatchObject([{ address: 'gone@example.com', suppressedWhy: 'bounced' }]);
  });
});
