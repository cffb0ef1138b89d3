import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';

import { Webhook } from 'standardwebhooks';

import { streams } from '@yunke/contracts';

import { journey, type Stage } from './journey.js';

const now = (): string => new Date().toISOString();
let serial = 0;
const id = (): string => `messages-${process.pid}-${(serial += 1)}`;

const customer = (name: string, say: object): Record<string, unknown> => ({ type: 'CustomerObserved', messageId: id(), occurredAt: now(), subject: `account:${name}`, email: `${name}@example.com`, ...say });
const order = (orderId: string, name: string, unitPrice: string): Record<string, unknown> => ({
  type: 'OrderObserved', messageId: id(), occurredAt: now(), orderId, subject: `account:${name}`, currency: 'CNY', placedAt: now(), lines: [{ lineId: '1', sku: 'tea', quantity: 1, unitPrice }],
});

const mailTo = async ({ get }: Stage, name: string): Promise<any[]> => (await get('notifications', `/api/notifications/mailbox?to=${name}@example.com`)).items;
const intentsAbout = async ({ get }: Stage, rule: string): Promise<any[]> => (await get('notifications', `/api/notifications/intents?rule=${rule}`)).items;

async function put({ platform }: Stage, path: string, body: object, service: 'notifications' | 'ingestion' | 'inventory' = 'notifications'): Promise<void> {
  const { status } = await fetch(`${platform.process(service).url}${path}`, { method: 'PUT', headers: { authorization: `Bearer ${platform.credentials.apiToken}`, 'content-type': 'application/json' }, body: JSON.stringify(body) });
  expect(status).toBe(200);
}

/** Somebody else's server that takes webhooks. */
async function receiver({ platform: { hooks } }: Stage): Promise<{ url: string; taken: { headers: IncomingHttpHeaders; body: string }[]; close(): void }> {
  const taken: { headers: IncomingHttpHeaders; body: string }[] = [];
  const server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (text: string) => (body += text)).on('end', () => {
      taken.push({ headers: request.headers, body });
      response.writeHead(204).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(hooks.port, hooks.host, resolve));
  return { taken, url: `http://${hooks.host}:${(server.address() as AddressInfo).port}/yunke`, close: () => void server.close() };
}

journey('an order placed gives an e-mail in the customer\'s language, and its outcome is said', async (stage) => {
  const { send, said, eventually } = stage;
  await send(customer('emma', { language: 'en', firstName: 'Emma' }), customer('lihua', { language: 'zh-CN', name: '李华' }));
  await send(order('M1', 'emma', '128.00'), order('M2', 'lihua', '64.00'));

  const [english] = await eventually(async () => { const found = await mailTo(stage, 'emma'); expect(found).toHaveLength(1); return found; }, 60_000);
  const [chinese] = await eventually(async () => { const found = await mailTo(stage, 'lihua'); expect(found).toHaveLength(1); return found; }, 60_000);

  expect(english).toMatchObject({ subject: 'Your order shop:M1', text: expect.stringContaining('Hello Emma'), copies: 1 });
  expect(english.html).toContain('CN¥128.00');
  expect(chinese).toMatchObject({ subject: '订单 shop:M2 已提交', text: expect.stringContaining('李华，您好！'), copies: 1 });
  const ours = (await intentsAbout(stage, 'order-placed')).filter(({ to }) => ['emma@example.com', 'lihua@example.com'].includes(to)).map(({ id: intent }) => intent);
  expect(ours).toHaveLength(2);
  await eventually(async () => expect((await said(streams.notificationsDeliveries)).filter(({ type, body }) => type === 'MessageSent' && ours.includes(body['intentId']))).toHaveLength(2));
});

journey('who becomes a VIP is told to an endpoint once, signed; who unsubscribed is neither told of nor written to', async (stage) => {
  const { send, post, eventually } = stage;
  const { url, taken, close } = await receiver(stage);
  const { body: endpoint } = await post('notifications', '/api/notifications/endpoints', { url, facts: ['SegmentEntered'] });
  await put(stage, '/api/notifications/policy', { caps: [{ class: 'marketing', most: 1, withinHours: 16 }] }); // whatever the hour of this test
  await post('notifications', '/api/notifications/contacts', { address: 'noah@example.com', change: 'unsubscribed' });
  await send(customer('mia', { language: 'en', marketingConsent: true }), customer('noah', { language: 'en', marketingConsent: true }));
  await send(order('M3', 'mia', '10.00'), order('M4', 'noah', '10.00'));
  for (const name of ['mia', 'noah']) await eventually(async () => expect(await mailTo(stage, name)).toHaveLength(1), 60_000); // both are known by now

  await send(order('M5', 'mia', '5000.00'), order('M6', 'noah', '5000.00'));

  await eventually(async () => expect((await intentsAbout(stage, 'segment-entered-webhook')).map(({ state, why }) => [state, why]).sort()).toEqual([['dropped', 'contact.unsubscribed'], ['sent', 'http.204']]), 60_000);
  await eventually(async () => expect((await intentsAbout(stage, 'segment-entered')).map(({ state, why }) => [state, why]).sort()).toEqual([['dropped', 'contact.unsubscribed'], ['sent', 'accepted']]), 60_000);
  expect(taken).toHaveLength(1);
  const fact = new Webhook(endpoint.secret).verify(taken[0]!.body, taken[0]!.headers as Record<string, string>);
  expect(fact).toMatchObject({ type: 'SegmentEntered', data: { segment: 'value.high', reason: 'event' } });
  await eventually(async () => expect((await mailTo(stage, 'mia')).map(({ subject }) => subject).sort()).toEqual(['Thank you', 'Your order shop:M3', 'Your order shop:M5']));
  expect((await mailTo(stage, 'noah')).map(({ subject }) => subject)).not.toContain('Thank you');
  close();
});

journey('what a source sends as history writes to nobody, and the same platform writes for the next live order', async (stage) => {
  const { send, get, post, platform, eventually } = stage;
  await put(stage, '/api/sources/archive', { history: true }, 'ingestion');
  const { body: { key } } = await post('ingestion', '/api/sources/archive/keys', { kind: 'server' });
  const old = new Date(Date.now() - 400 * 86_400_000).toISOString();
  const { status } = await fetch(`${platform.process('ingestion').url}/v1/observations`, {
    method: 'POST', headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: JSON.stringify({ observations: [customer('olga', { language: 'en', occurredAt: old }), { ...order('M7', 'olga', '10.00'), occurredAt: old, placedAt: old }, order('M9', 'olga', '9000.00')] }),
  });
  expect(status).toBe(202);
  await eventually(async () => expect((await get('orders', '/api/orders/archive:M9')).status).toBe('placed'), 60_000);

  await send(customer('olga', { language: 'en' }), order('M8', 'olga', '10.00'));

  await eventually(async () => expect(await mailTo(stage, 'olga')).toMatchObject([{ subject: 'Your order shop:M8' }]), 60_000);
  expect((await get('orders', '/api/orders/archive:M7')).status).toBe('placed');
  expect(await mailTo(stage, 'olga')).toHaveLength(1);
});

journey('a shortage opens an alert, mails staff once, and closes when goods arrive', async (stage) => {
  const { send, get, said, eventually } = stage;
  const alerts = async (): Promise<string[]> => (await said(streams.inventoryAlerts)).filter(({ body }) => body['sku'] === 'matcha').map(({ type }) => type);
  const stock = (say: object): Promise<void> => send({ type: 'StockObserved', messageId: id(), movementId: id(), occurredAt: now(), sku: 'matcha', warehouse: 'main', ...say });
  await put(stage, '/api/inventory/thresholds', { sku: 'matcha', reorderPoint: 5 }, 'inventory');
  await stock({ kind: 'count', quantity: 20 });
  await stock({ kind: 'sale', quantity: -18 });

  const items = await eventually(async () => {
    const found = (await get('notifications', '/api/notifications/mailbox?to=staff@yunke.localhost')).items;
    expect(found).toHaveLength(1);
    return found;
  }, 60_000);
  expect(items[0]).toMatchObject({ subject: '库存预警：matcha（shortage）', text: expect.stringContaining('可用 2，阈值 5') });
  await stock({ kind: 'receipt', quantity: 50 });

  await eventually(async () => expect(await alerts()).toEqual(['StockAlertOpened', 'StockAlertClosed']), 60_000);
  expect((await get('notifications', '/api/notifications/mailbox?to=staff@yunke.localhost')).items).toHaveLength(1);
});
