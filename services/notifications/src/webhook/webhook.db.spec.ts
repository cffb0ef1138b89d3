import { createServer, request, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';

import { SECRET, eventually, serviceUnderTest, type ServiceUnderTest } from '@yunke/testing';
import { Webhook } from 'standardwebhooks';

import { entered, operator, placed, recorded } from '../notifications.fixture.js';
import { notifications } from '../notifications.module.js';
import { guardedLookup } from './lookup.worker.js';

type Taken = { readonly headers: IncomingMessage['headers']; readonly body: string };

/** A receiver of webhooks on loopback: keeps what it is sent and answers in turn, then 200. */
async function receiver(...answers: readonly { readonly status: number; readonly headers?: Record<string, string> }[]) {
  const taken: Taken[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk)).on('end', () => {
      taken.push({ headers: request.headers, body: Buffer.concat(chunks).toString() });
      const { status, headers = {} } = answers[taken.length - 1] ?? { status: 200 };
      response.writeHead(status, headers).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return { taken, port, url: `http://127.0.0.1:${port}/hook`, close: () => new Promise<void>((resolve) => server.close(() => resolve())) };
}

describe('webhooks', () => {
  let service: ServiceUnderTest;
  beforeAll(async () => { service = await serviceUnderTest(notifications, { YUNKE_SECRET: SECRET, YUNKE_EGRESS_ALLOW: '127.0.0.1/32,receiver.localhost' }); });
  afterAll(() => service.stop());

  const api = operator(() => service);
  const rule = (id: string, say: object = {}) => api.put(`/rules/${id}`, { fact: 'OrderPlaced', channel: 'webhook', audience: 'endpoints', class: 'transactional', expiresAfterMinutes: 5_760, ...say });
  const verified = (secret: string, { headers, body }: Taken): unknown => new Webhook(secret).verify(body, headers as Record<string, string>);
  const intentOf = async (name: string, expected: object) => eventually(async () => { const found = (await api.intentsOf(name)).filter(({ channel }) => channel === 'webhook'); expect(found).toMatchObject([expected]); return found[0]; });

  it('tells an endpoint once who became a VIP, signed so that the reference library takes it', async () => {
    const { taken, url, close } = await receiver();
    const { body: endpoint } = await api.post('/endpoints', { url, facts: ['SegmentEntered'] });
    await service.hear(recorded('vip', { marketingConsent: 'true' }), entered('vip'), recorded('shy'), entered('shy'));

    const { id } = await intentOf('vip', { state: 'sent', why: 'http.200', attempts: 1 });
    await intentOf('shy', { state: 'dropped', why: 'consent.missing' });
    expect(taken).toHaveLength(1);
    expect(taken[0]!.headers['webhook-id']).toBe(id);
    expect(verified(endpoint.secret, taken[0]!)).toMatchObject({ type: 'SegmentEntered', data: { segment: 'value.high' } });
    await api.delete(`/endpoints/${endpoint.id}`);
    await close();
  });

  it('comes back as asked, with the same id and both secrets after a rotation, and not after a redirect is offered', async () => {
    const elsewhere = await receiver();
    const { taken, url, close } = await receiver({ status: 302, headers: { location: elsewhere.url } }, { status: 429, headers: { 'retry-after': '1' } });
    const { body: endpoint } = await api.post('/endpoints', { url, facts: ['OrderPlaced'] });
    await rule('told');
    await service.hear(recorded('patient'), placed('shop:H1', 'patient'));
    await intentOf('patient', { state: 'waiting', why: 'http.302', attempts: 1, waitsUntil: expect.any(String) });
    const { body: rotated } = await api.post(`/endpoints/${endpoint.id}/rotate`);

    await eventually(async () => expect(taken.length).toBeGreaterThan(1), 20_000);
    expect(elsewhere.taken).toEqual([]);
    expect(new Set(taken.map(({ headers }) => headers['webhook-id'])).size).toBe(1);
    for (const secret of [endpoint.secret, rotated.secret]) expect(verified(secret, taken[1]!)).toMatchObject({ type: 'OrderPlaced' });
    await intentOf('patient', { state: 'waiting', why: 'http.429', attempts: 2 });
    await api.delete(`/endpoints/${endpoint.id}`);
    await Promise.all([close(), elsewhere.close()]);
  }, 40_000);

  it('closes an endpoint that is gone, and marketing whose call got no clear answer is unknown, not repeated', async () => {
    const gone = await receiver({ status: 410 });
    const unclear = await receiver({ status: 500 });
    const [{ body: first }, { body: second }] = [await api.post('/endpoints', { url: gone.url, facts: ['OrderPlaced'] }), await api.post('/endpoints', { url: unclear.url, facts: ['SegmentEntered'] })];
    await rule('told');
    await service.hear(recorded('late', { marketingConsent: 'true' }), placed('shop:H2', 'late'));
    await intentOf('late', { state: 'failed', why: 'http.410' });
    await service.hear(recorded('later', { marketingConsent: 'true' }), entered('later'));
    const { id } = await intentOf('later', { state: 'unknown', why: 'http.500' });

    expect((await api.get('/endpoints')).body.items.find((one: { id: string }) => one.id === first.id)).toMatchObject({ closedWhy: 'http.410' });
    expect((await api.get('/intents?state=unknown')).body.items.map((one: { id: string }) => one.id)).toEqual([id]);
    expect(unclear.taken).toHaveLength(1);
    await api.delete(`/endpoints/${second.id}`);
    await Promise.all([gone.close(), unclear.close()]);
  });

  it('connects only to an address that it has judged: a name that turns to a private one between two looks is refused', async () => {
    const { taken, port, close } = await receiver();
    const answers = [[{ address: '93.184.216.34', family: 4 }], [{ address: '127.0.0.1', family: 4 }]];
    const resolve = async () => answers.shift()!;
    const judged = await new Promise((done) => guardedLookup([], resolve)('turns.example', { all: true }, (_error, addresses) => done(addresses)));
    const post = (allowed: string[]) => new Promise<unknown>((done) => {
      request({ host: 'turns.example', port, method: 'POST', lookup: guardedLookup(allowed, resolve), agent: false }, (response) => done(response.resume().statusCode)).on('error', ({ code }: NodeJS.ErrnoException) => done(code)).end('x');
    });

    expect(judged).toEqual([{ address: '93.184.216.34', family: 4 }]);
    expect(await post([])).toBe('EGRESS_FORBIDDEN');
    expect(taken).toEqual([]);
    answers.push([{ address: '10.0.0.1', family: 4 }, { address: '127.0.0.1', family: 4 }]);
    expect(await post(['127.0.0.1'])).toBe(200);
    await close();
  });

  it('refuses endpoints in private networks, whether written so or named so', async () => {
    expect((await api.post('/endpoints', { url: 'https://169.254.169.254/latest' })).body).toMatchObject({ status: 422, code: 'url_forbidden' });
    expect((await api.post('/endpoints', { url: 'http://127.0.0.2/' })).body.code).toBe('url_forbidden');
    expect((await api.post('/endpoints', { url: 'https://x.example/', facts: ['Nothing'] })).body.code).toBe('validation_failed');
  });
});
