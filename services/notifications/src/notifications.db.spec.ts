import { streams } from '@yunke/contracts';
import { DAY, HOUR, iso } from '@yunke/kernel';
import { SECRET, eventually, serviceUnderTest, type ServiceUnderTest } from '@yunke/testing';
import supertest from 'supertest';

import { alertOpened, entered, operator, placed, profileOf, recorded } from './notifications.fixture.js';
import { notifications } from './notifications.module.js';

describe('notifications', () => {
  let service: ServiceUnderTest;
  beforeAll(async () => {
    service = await serviceUnderTest(notifications, { YUNKE_SECRET: SECRET });
    await api.put('/policy', { caps: [{ class: 'marketing', most: 1, withinHours: 1 }] });
  });
  afterAll(() => service.stop());

  const api = operator(() => service);
  const { mailTo, intentsOf } = api;
  const one = async (name: string, expected: object) => eventually(async () => { const found = await intentsOf(name); expect(found).toMatchObject([expected]); return found[0]; });
  const saidOf = async (intentId: string) => (await service.said(streams.notificationsDeliveries)).filter(({ body }) => body['intentId'] === intentId);

  it('writes to the customer in their language when an order is placed, and says so', async () => {
    await service.hear(recorded('ada', { language: 'en-GB', firstName: 'Ada' }), placed('shop:A1', 'ada'));

    const [mail] = await eventually(async () => { const found = await mailTo('ada'); expect(found).toHaveLength(1); return found; });
    expect(mail).toMatchObject({ subject: 'Your order shop:A1', copies: 1, text: expect.stringContaining('Hello Ada') });
    const { id } = await one('ada', { state: 'sent', why: 'accepted', attempts: 1, rule: 'order-placed', language: 'en', to: 'ada@example.com' });
    await eventually(async () => expect(await saidOf(id)).toMatchObject([{ type: 'MessageSent', body: { fact: 'OrderPlaced', attempts: 1, reason: 'event' } }]));
    expect((await api.get(`/intents/${id}`)).body.calls).toMatchObject([{ attempt: 1, result: 'accepted' }]);
    expect(mail.messageId).toBe(`<${id}@yunke.localhost>`);
  });

  it('lets a message wait until its person is known, and then until there is an address', async () => {
    await service.hear(placed('shop:W1', 'waits'));
    await eventually(async () => expect((await api.get('/intents?state=waiting')).body.items).toMatchObject([{ why: 'profile.unknown' }]));

    await service.hear(recorded('waits', { email: '' }));
    await one('waits', { state: 'waiting', why: 'contact.unknown', waitsUntil: expect.any(String) });

    await service.hear(recorded('waits', {}, { version: '2', decision: '2' }));
    await one('waits', { state: 'sent' });
    expect(await mailTo('waits')).toHaveLength(1);
  });

  it('mails nobody for imported history, for what comes late, or for what is no longer of use', async () => {
    await service.hear(recorded('past'), placed('shop:P1', 'past', { reason: 'history' }), placed('shop:P2', 'past', { reason: 'late' }), placed('shop:P3', 'past', { effectiveAt: iso(Date.now() - 2 * DAY) }), placed('shop:P4', 'past'));

    await one('past', { state: 'sent' });
    expect((await mailTo('past')).map(({ subject }) => subject)).toEqual(['订单 shop:P4 已提交']);
  });

  it('sends marketing to who consented only, with a way out that one click takes', async () => {
    await service.hear(recorded('willing', { marketingConsent: 'true' }), recorded('silent'), recorded('refuses', { marketingConsent: 'false' }), entered('willing'), entered('silent'), entered('refuses'));

    await one('willing', { state: 'sent', class: 'marketing', rule: 'segment-entered' });
    const dropped = await one('silent', { state: 'dropped', why: 'consent.missing', seen: { consent: 'unknown' } });
    await one('refuses', { state: 'dropped', why: 'consent.refused' });
    await eventually(async () => expect(await saidOf(dropped.id)).toMatchObject([{ type: 'MessageDropped', body: { why: 'consent.missing', attempts: 0 } }]));

    const [mail] = await mailTo('willing');
    const link = /<(.+)>/.exec(mail.headers.find((line: string) => line.startsWith('List-Unsubscribe:')))![1]!;
    expect(mail.headers).toContain('List-Unsubscribe-Post: List-Unsubscribe=One-Click');
    expect(mail.text).toContain(link);
    const path = new URL(link).pathname;
    expect((await supertest(service.baseUrl).get(path).expect(200)).text).toContain('退订');
    expect((await api.get('/contacts?which=unsubscribed')).body.items).toEqual([]); // looking changes nothing
    await supertest(service.baseUrl).post(path).type('form').send('List-Unsubscribe=One-Click').expect(200);
    await supertest(service.baseUrl).post(`${path}x`).type('form').send('List-Unsubscribe=One-Click').expect(404);

    expect((await api.get('/contacts?which=unsubscribed')).body.items).toMatchObject([{ address: 'willing@example.com' }]);
    await eventually(async () => expect(await service.said(streams.notificationsContacts)).toMatchObject([{ type: 'ContactUnsubscribed', body: { address: 'willing@example.com', by: 'person' } }]));
    await service.hear(entered('willing', 'value.high', { seq: '3' }));
    await eventually(async () => expect((await intentsOf('willing'))[0]).toMatchObject({ state: 'dropped', why: 'contact.unsubscribed' }));
    await service.hear(placed('shop:O1', 'willing'));
    await eventually(async () => expect(await mailTo('willing')).toHaveLength(2)); // news of an order are not marketing
  });

  it('delays what a cap holds back, with the instant and the reason', async () => {
    await service.hear(recorded('keen', { marketingConsent: 'true' }), entered('keen'));
    await one('keen', { state: 'sent' });
    await service.hear(entered('keen', 'value.high', { seq: '3' }));

    const [second] = await eventually(async () => { const found = await intentsOf('keen'); expect(found[0]).toMatchObject({ state: 'waiting', why: 'cap.full', seen: { sent: 1 } }); return found; });
    expect(Math.abs(Date.parse(second.waitsUntil) - Date.now() - HOUR)).toBeLessThan(60_000);
    expect(await service.db.query(`select 1 from timers where kind = 'intent' and key = $1`, [second.id])).toHaveLength(1);
  });

  it('writes to staff when a stock alert opens', async () => {
    await service.hear(alertOpened('tea'));

    const items = await eventually(async () => { const found = (await api.get('/mailbox?to=staff@yunke.localhost')).body.items; expect(found).toHaveLength(1); return found; });
    expect(items).toMatchObject([{ subject: '库存预警：tea（shortage）' }]);
  });

  it('suppresses an address that bounced or complained, for every class, and lets an operator release it', async () => {
    await service.hear(recorded('gone'), placed('shop:G1', 'gone'));
    const { id } = await one('gone', { state: 'sent' });
    expect((await api.post('/bounces', { intentId: id, kind: 'hard', why: '5.1.1' })).body).toEqual({ suppressed: true });
    expect((await api.post('/bounces', { intentId: id, kind: 'hard', why: '5.1.1' })).body).toEqual({ suppressed: false });
    await service.hear(placed('shop:G2', 'gone'));

    await eventually(async () => expect((await intentsOf('gone'))[0]).toMatchObject({ state: 'dropped', why: 'contact.suppressed', seen: { because: 'bounced' } }));
    await eventually(async () => expect((await saidOf(id)).map(({ type }) => type)).toEqual(['MessageSent', 'MessageBounced']));
    await api.post('/contacts', { address: 'gone@example.com', change: 'released' });
    await service.hear(placed('shop:G3', 'gone'));
    await eventually(async () => expect((await intentsOf('gone'))[0]).toMatchObject({ state: 'sent' }));
    expect((await api.get('/contacts/changes?limit=2')).body.items).toMatchObject([{ change: 'released', by: 'operator' }, { change: 'suppressed', why: 'bounced' }]);
  });

  it('takes rules and templates as data: checked when saved, versioned, previewed with a real profile', async () => {
    const letter = { subject: 'Paid {{ orderId }}', text: '{{ person.name }}', mjml: '<mjml><mj-body><mj-section><mj-column><mj-text>{{ person.name }}</mj-text></mj-column></mj-section></mj-body></mjml>' };
    expect((await api.put('/templates/paid', { facts: ['OrderPaid'], languages: { en: { ...letter, text: '{{ orderNumber }}' } } })).body).toMatchObject({ code: 'template.invalid', errors: [{ pointer: '/languages/en/text', code: 'variable_unknown' }] });
    expect((await api.put('/rules/paid', { fact: 'OrderPaid', channel: 'email', audience: 'customer', class: 'transactional', template: 'paid', expiresAfterMinutes: 60 })).body).toMatchObject({ code: 'rule.invalid', errors: [{ pointer: '/template', code: 'template_unknown' }] });
    expect((await api.put('/templates/paid', { facts: ['OrderPaid'], languages: { en: letter } })).body).toMatchObject({ version: 1 });
    expect((await api.put('/templates/paid', { facts: ['OrderPaid'], languages: { en: { ...letter, subject: 'Thanks' } } })).body).toMatchObject({ version: 2 });
    expect((await api.get('/templates/paid/versions?limit=1')).body).toMatchObject({ items: [{ version: 2 }], next: expect.any(String) });
    expect((await api.put('/rules/paid', { fact: 'OrderPaid', channel: 'email', audience: 'customer', class: 'transactional', template: 'paid', expiresAfterMinutes: 60 })).body).toMatchObject({ version: 1 });

    await service.hear(recorded('grace', { name: 'Grace' }));
    const preview = await eventually(async () => { const found = await api.post('/templates/paid/preview', { profileId: profileOf('grace'), version: 1, fact: { orderId: '7' } }); expect(found.status).toBe(200); return found; });
    expect(preview.body).toMatchObject({ subject: 'Paid 7', text: 'Grace', html: expect.stringContaining('Grace') });
    expect((await api.post('/templates/paid/preview', { version: 3 })).body.code).toBe('template.not_found');
    expect((await api.post('/templates/paid/preview', { version: 1e12 })).body.code).toBe('validation_failed');
    await service.hear({ ...placed('shop:T1', 'grace'), type: 'OrderPaid' } as never);
    await eventually(async () => expect(await mailTo('grace')).toMatchObject([{ subject: 'Thanks' }]));
  });

  it('pages its lists, and shows addresses to operators only', async () => {
    const first = (await api.get('/intents?limit=2')).body;
    const second = (await api.get(`/intents?limit=2&after=${first.next}`)).body;
    expect(new Set([...first.items, ...second.items].map(({ id }) => id)).size).toBe(4);
    expect((await api.get('/deliveries?limit=1')).body).toMatchObject({ items: [{ result: 'accepted' }], next: expect.any(String) });
    expect((await api.get('/intents?after=nonsense')).body.code).toBe('cursor.invalid');
    expect((await api.get('/intents/nobody')).body.code).toBe('intent.not_found');
    await supertest(service.baseUrl).get('/api/notifications/intents').expect(401);
    expect((await supertest(service.baseUrl).get('/notifications/mailbox').expect(200)).text).not.toContain('example.com');
  });
});
