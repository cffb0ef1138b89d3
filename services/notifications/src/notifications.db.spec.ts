import { streams, type Fact, type Messages } from '@yunke/contracts';
import { iso } from '@yunke/kernel';
import { eventually, serviceUnderTest, type ServiceUnderTest, SECRET } from '@yunke/testing';
import supertest from 'supertest';

import { notifications } from './notifications.module.js';

const profileOf = (name: string): string => Buffer.from(name.padEnd(16, '.')).toString('hex');

/** A person with an address, as identity records it. */
const recorded = (name: string, golden: Record<string, string> = {}, say: Partial<Messages['ProfileRecorded']> = {}): Fact => ({
  type: 'ProfileRecorded',
  body: {
    profileId: profileOf(name), version: '1', decision: '1', subjects: [`shop:account:${name}`], acceptedAt: iso(Date.now()), stale: false, reason: 'event',
    golden: Object.entries({ email: `${name}@example.com`, ...golden }).map(([field, value]) => ({ field, value, source: 'shop', occurredAt: iso(Date.now()) })), ...say,
  },
});

const placed = (orderId: string, name: string, say: Partial<Messages['OrderPlaced']> = {}): Fact => ({
  type: 'OrderPlaced',
  body: { orderId, seq: '1', effectiveAt: iso(Date.now()), acceptedAt: iso(Date.now()), reason: 'event', cause: 'a record',
    order: { subject: `shop:account:${name}`, formerSubjects: [], status: 'placed', placedAt: iso(Date.now()), currency: 'CNY', totalMinor: '12800', refundedMinor: '0', refunds: [], foreignRefunds: [] }, ...say },
});

describe('notifications', () => {
  let service: ServiceUnderTest;
  beforeAll(async () => { service = await serviceUnderTest(notifications, { YUNKE_SECRET: SECRET }); });
  afterAll(() => service.stop());

  const get = async (path: string) => (await supertest(service.baseUrl).get(`/api/notifications${path}`).set('authorization', `Bearer ${service.credentials.apiToken}`)).body;
  const mailTo = async (name: string) => (await get(`/mailbox?to=${name}@example.com`)).items;
  const intentsOf = async (name: string) => (await get(`/intents?profileId=${profileOf(name)}`)).items;

  it('writes to the customer when an order is placed, and says so', async () => {
    await service.hear(recorded('ada', { language: 'en-GB' }), placed('shop:A1', 'ada'));

    const [mail] = await eventually(async () => { const found = await mailTo('ada'); expect(found).toHaveLength(1); return found; });
    expect(mail).toMatchObject({ subject: 'Your order shop:A1', copies: 1 });
    const [intent] = await eventually(async () => { const found = await intentsOf('ada'); expect(found).toMatchObject([{ state: 'sent', why: 'accepted', attempts: 1, rule: 'order-placed' }]); return found; });
    await eventually(async () => expect((await service.said(streams.notificationsDeliveries)).filter(({ body }) => body['intentId'] === intent.id)).toMatchObject([{ type: 'MessageSent', body: { fact: 'OrderPlaced', attempts: 1 } }]));
  });
});
