import { streams } from '@yunke/contracts';
import { eventually, serviceUnderTest, type ServiceUnderTest } from '@yunke/testing';
import supertest from 'supertest';

import { ingestion } from './ingestion.module.js';

const now = (): string => new Date().toISOString();
const DAY = 86_400_000;

describe('ingestion', () => {
  let service: ServiceUnderTest;
  let serial = 0;
  beforeAll(async () => { service = await serviceUnderTest(ingestion); });
  afterAll(() => service.stop());

  const api = (method: 'get' | 'post' | 'put' | 'delete', path: string) => supertest(service.baseUrl)[method](path).set('authorization', `Bearer ${service.credentials.apiToken}`);
  const send = (...observations: unknown[]) => supertest(service.baseUrl).post('/v1/observations').set('authorization', `Bearer ${service.credentials.writeKey}`).send({ observations });
  const order = (say: object = {}): Record<string, unknown> => ({ type: 'OrderObserved', messageId: `m-${(serial += 1)}`, occurredAt: now(), orderId: `o-${serial}`, subject: 'account:ada', currency: 'CNY', placedAt: now(), lines: [{ lineId: '1', sku: 'tea', quantity: 2, unitPrice: '10.00' }], ...say });

  it('says what it accepted once, stamped, scoped to its source and with its totals', async () => {
    const sent = order({ orderId: 'A1' });
    const { body } = await send(sent).expect(202);

    expect(body).toMatchObject({ accepted: 1, duplicate: 0, quarantined: 0, results: [{ messageId: sent['messageId'], status: 'accepted' }] });
    const [said] = await eventually(async () => {
      const all = (await service.said(streams.orderObservations)).filter(({ body: { orderId } }) => orderId === 'shop:A1');
      expect(all).toHaveLength(1);
      return all;
    });
    expect(said!.body).toMatchObject({ orderId: 'shop:A1', source: 'shop', subject: 'shop:account:ada', verified: true, history: false, acceptedAt: expect.stringMatching(/Z$/), lines: [{ quantity: '2', totalMinor: '2000' }] });
    expect(said!.key).toMatch(/^[0-9a-f]{32}$/);
  });

  it('knows a repeated message, in the same request and later, and another one under the same id', async () => {
    const sent = order();
    expect((await send(sent, sent).expect(202)).body).toMatchObject({ accepted: 1, duplicate: 1 });
    expect((await send(sent).expect(202)).body).toMatchObject({ accepted: 0, duplicate: 1 });
    expect((await send({ ...sent, currency: 'GBP' }).expect(202)).body.results).toMatchObject([{ status: 'quarantined', code: 'message_id_reused' }]);
  });

  it('believes the first of those that come under one id, in the same request too', async () => {
    const first = Array.from({ length: 30 }, () => order());
    const others = first.map((sent) => ({ ...sent, currency: 'GBP' }));
    const outcomes = async (...sent: unknown[]) => new Set((await send(...sent).expect(202)).body.results.map(({ status, code }: { status: string; code?: string }) => code ?? status));

    expect((await send(...first, ...others, ...first).expect(202)).body).toMatchObject({ accepted: 30, quarantined: 30, duplicate: 30 });
    expect(await outcomes(...first)).toEqual(new Set(['duplicate']));
    expect(await outcomes(...others)).toEqual(new Set(['message_id_reused']));
    expect(await outcomes(...first.slice(0, 3), order(), ...others.slice(0, 3))).toEqual(new Set(['duplicate', 'accepted', 'message_id_reused']));
  });

  it('takes a message once of many requests at a time, and that of another source beside it', async () => {
    await api('put', '/api/sources/till').send({}).expect(200);
    const { body: made } = await api('post', '/api/sources/till/keys').send({ kind: 'server' }).expect(201);
    const many = Array.from({ length: 50 }, () => order());
    const requests = Array.from({ length: 8 }, (_, n) => send(...many.slice(n), ...many.slice(0, n)).set('authorization', `Bearer ${n < 6 ? service.credentials.writeKey : made.key}`).expect(202));

    const receipts = (await Promise.all(requests)).map(({ body }) => body as { accepted: number; duplicate: number; quarantined: number });
    const sum = (name: keyof (typeof receipts)[number], from: number, to: number) => receipts.slice(from, to).reduce((total, one) => total + one[name], 0);
    expect([sum('accepted', 0, 6), sum('duplicate', 0, 6), sum('accepted', 6, 8), sum('duplicate', 6, 8)]).toEqual([50, 250, 50, 50]);
  });

  const bad: [string, string, object][] = [
    ['B08', 'validation_failed', { lines: 'none' }], ['B08', 'validation_failed', { lines: [{ lineId: '1', sku: 'tea', quantity: true }] }], ['B08', 'validation_failed', { currency: [] }],
    ['B09', 'unknown_field', { role: 'admin' }], ['B09', 'unknown_field', { acceptedAt: now() }], ['B09', 'unknown_field', { verified: true }],
    ['B10', 'number_out_of_range', { totalMinor: 2 ** 53 + 2 }], ['B10', 'number_out_of_range', { totalMinor: '9000000000000001' }], ['B10', 'number_out_of_range', { totalMinor: 0.3 }],
    ['B11', 'amount_invalid', { totalMinor: -1 }], ['B11', 'amount_invalid', { lines: [{ lineId: '1', sku: 'tea', quantity: -1, unitPrice: '1.00' }] }], ['B11', 'amount_invalid', { currency: 'yen' }], ['B11', 'amount_invalid', { lines: [{ lineId: '1', sku: 'tea', quantity: 0, unitPrice: '1.00' }] }],
    ['B12', 'timestamp_out_of_range', { occurredAt: new Date(Date.now() + 25 * 3_600_000).toISOString() }], ['B12', 'timestamp_out_of_range', { occurredAt: '2026-02-30T00:00:00Z' }], ['B12', 'timestamp_out_of_range', { occurredAt: '2026-01-01T00:00:00' }],
    ['B12', 'timestamp_out_of_range', { placedAt: '9999-01-01T00:00:00Z' }], ['B12', 'timestamp_out_of_range', { placedAt: new Date(Date.now() - 366 * DAY).toISOString() }], ['B12', 'timestamp_out_of_range', { occurredAt: '1970-01-01T00:00:00Z' }],
    ['B13', 'id_invalid', { orderId: 'x'.repeat(101) }], ['B13', 'id_invalid', { orderId: '../etc' }], ['B13', 'id_invalid', { orderId: 'a\tb' }], ['B13', 'id_invalid', { messageId: '😀' }], ['B13', 'id_invalid', { subject: "account:'; drop table orders; --" }], ['B13', 'id_invalid', { subject: 'shop-2:account:ada' }],
  ];

  it.each(bad)('%s: answers 202 with %s on the item, keeps it, and takes its neighbours', async (_, code, say) => {
    const { body } = await send(order(), order(say), order()).expect(202);

    expect(body).toMatchObject({ accepted: 2, quarantined: 1, results: [{ status: 'accepted' }, { status: 'quarantined', code }, { status: 'accepted' }] });
    const { body: held } = await api('get', `/api/quarantine?code=${code}&limit=200`).expect(200);
    expect(held.items.length).toBeGreaterThan(0);
  });

  it('replays a mended item under its own message id, once', async () => {
    const broken = order({ totalMinor: -5 });
    await send(broken).expect(202);
    const { body } = await api('get', '/api/quarantine?code=amount_invalid&limit=200').expect(200);
    const held = body.items.find(({ messageId }: { messageId: string }) => messageId === broken['messageId']);

    expect((await api('post', `/api/quarantine/${held.id}/replay`).send({}).expect(422)).body.code).toBe('amount_invalid');
    expect((await api('post', `/api/quarantine/${held.id}/replay`).send({ item: { ...broken, totalMinor: 5 } }).expect(200)).body).toEqual({ messageId: broken['messageId'], status: 'accepted' });
    expect((await api('post', `/api/quarantine/${held.id}/replay`).send({}).expect(409)).body.code).toBe('quarantine.ended');
    expect((await api('post', '/api/quarantine/0/replay').send({}).expect(404)).body.code).toBe('quarantine.not_found');
    await eventually(async () => expect((await service.said(streams.orderObservations)).some(({ body: said }) => said['messageId'] === broken['messageId'])).toBe(true));
  });

  it('takes any past time from a source of history', async () => {
    await api('put', '/api/sources/archive').send({ history: true }).expect(200);
    const { body: made } = await api('post', '/api/sources/archive/keys').send({ kind: 'server' }).expect(201);
    const old = order({ occurredAt: '2010-12-01T08:26:00Z', placedAt: '2010-12-01T08:26:00Z' });
    const { body } = await supertest(service.baseUrl).post('/v1/observations').set('authorization', `Bearer ${made.key}`).send({ observations: [old] }).expect(202);
    expect(body.accepted).toBe(1);

    await api('delete', `/api/sources/archive/keys/${made.id}`).expect(200);
    expect((await api('get', '/api/sources/archive/keys').expect(200)).body.items).toMatchObject([{ id: made.id, revokedAt: expect.any(String) }]);
  });

  it('knows a repeated message also when its source has become one of history since', async () => {
    await api('put', '/api/sources/late').send({ history: false }).expect(200);
    const { body: { key } } = await api('post', '/api/sources/late/keys').send({ kind: 'server' }).expect(201);
    const sent = order();
    const repeat = () => supertest(service.baseUrl).post('/v1/observations').set('authorization', `Bearer ${key}`).send({ observations: [sent] }).expect(202);
    expect((await repeat()).body.accepted).toBe(1);
    await api('put', '/api/sources/late').send({ history: true }).expect(200);

    expect((await repeat()).body).toMatchObject({ duplicate: 1, quarantined: 0 });
  });

  it('takes a time of a clock that is fast for the time at which it accepted, but for what is foreseen', async () => {
    const soon = new Date(Date.now() + 3_600_000).toISOString();
    const sent = order({ occurredAt: soon, placedAt: soon, promisedAt: soon });
    await send(sent).expect(202);

    await eventually(async () => {
      const said = (await service.said(streams.orderObservations)).find(({ body: { messageId } }) => messageId === sent['messageId'])!.body as Record<string, string>;
      expect(said).toMatchObject({ occurredAt: said['acceptedAt'], placedAt: said['acceptedAt'], promisedAt: soon });
      expect(said['acceptedAt']! < soon).toBe(true);
    });
  });

  it('opens for a key only, and natively for a server key only', async () => {
    const post = (key?: string) => supertest(service.baseUrl).post('/v1/observations').set(key ? { authorization: `Bearer ${key}` } : {}).send({ observations: [order()] });
    expect((await post().expect(401)).body.code).toBe('key.missing');
    expect((await post('yk_not_a_key_of_ours_at_all').expect(401)).body.code).toBe('key.invalid');
    expect((await post(service.credentials.browserWriteKey).expect(403)).body.code).toBe('key.kind');
    await supertest(service.baseUrl).get('/api/quarantine').expect(401);
  });

  it('refuses what no page can answer: too large a limit, a cursor of its own making', async () => {
    expect((await api('get', '/api/quarantine?limit=1000000').expect(422)).body.code).toBe('validation_failed');
    expect((await api('get', '/api/quarantine?after=nonsense').expect(422)).body.code).toBe('cursor.invalid');
    expect((await api('get', "/api/quarantine?source=';--").expect(200)).body.items).toEqual([]);
    expect((await api('get', '/api/quarantine?sort=raw').expect(422)).body.errors[0].code).toBe('unknown_field');
  });
});
