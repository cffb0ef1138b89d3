import { streams, type Fact, type Messages } from '@yunke/contracts';
import { DAY, HOUR, iso } from '@yunke/kernel';
import { eventually, serviceUnderTest, type ServiceUnderTest } from '@yunke/testing';
import supertest from 'supertest';

import { segmentation } from './segmentation.module.js';

/** An hour ago: no timer that these orders arm is due while the tests run, but the one that is meant to be. */
const NOON = Date.now() - HOUR;

const profileOf = (name: string): string => Buffer.from(name.padEnd(16, '.')).toString('hex');

/** The profile of one subject, as identity records it. */
const recorded = (name: string, say: Partial<Messages['ProfileRecorded']> = {}): Fact => ({
  type: 'ProfileRecorded',
  body: { profileId: profileOf(name), version: '1', decision: '1', subjects: [`shop:account:${name}`], firstSeenAt: iso(NOON), golden: [], acceptedAt: iso(NOON), stale: false, reason: 'event', ...say },
});

/** An order that counts from `placedAt`, as orders says it. */
const placed = (orderId: string, name: string, say: Partial<Messages['OrderPlaced']['order']> = {}, more: Partial<Messages['OrderPlaced']> = {}): Fact => ({
  type: 'OrderPlaced',
  body: { orderId, seq: '1', effectiveAt: iso(NOON), acceptedAt: iso(NOON), reason: 'event', cause: 'a record', ...more,
    order: { subject: `shop:account:${name}`, formerSubjects: [], status: 'placed', placedAt: iso(NOON), currency: 'CNY', totalMinor: '30000', refundedMinor: '0', refunds: [], ...say } },
});

describe('segmentation', () => {
  let service: ServiceUnderTest;
  beforeAll(async () => { service = await serviceUnderTest(segmentation); });
  afterAll(() => service.stop());

  const get = async (path: string) => supertest(service.baseUrl).get(path).set('authorization', `Bearer ${service.credentials.apiToken}`);
  const segmentsOf = async (name: string): Promise<string[]> => (await get(`/api/segmentation/profiles/${profileOf(name)}`)).body.memberships?.map(({ segment }: { segment: string }) => segment);
  const changesOf = async (name: string) => (await service.said(streams.segmentationChanges)).filter(({ body }) => body['profileId'] === profileOf(name));

  it('lets an order wait at its subject until the subject has a profile', async () => {
    await service.hear(placed('shop:w1', 'waits'));
    await service.hear(recorded('waits'));

    await eventually(async () => expect(await segmentsOf('waits')).toEqual(['activity.new', 'lifecycle.first', 'rfm.promising', 'value.middle']));
  });

  it('says each change once, with seq, reason, proof and the instant at which it became true', async () => {
    await service.hear(recorded('told'));
    await eventually(async () => expect(await segmentsOf('told')).toEqual(['lifecycle.prospect']));
    await service.hear(placed('shop:t1', 'told', {}, { acceptedAt: iso(NOON + 5_000) }));

    const changes = await eventually(async () => {
      const said = await changesOf('told');
      expect(said.map(({ type, body }) => `${type} ${body['segment']}`).sort()).toEqual(['SegmentEntered activity.new', 'SegmentEntered lifecycle.first', 'SegmentEntered lifecycle.prospect', 'SegmentEntered rfm.promising', 'SegmentEntered value.middle', 'SegmentLeft lifecycle.prospect']);
      return said;
    });
    expect(changes.map(({ body }) => body['seq'])).toEqual(['1', '2', '3', '4', '5', '6']);
    expect(changes.at(-1)!.body).toMatchObject({ reason: 'event', effectiveAt: iso(NOON), acceptedAt: iso(NOON + 5_000) });
    expect(changes.every(({ body }) => (body['proof'] as unknown[]).length > 0)).toBe(true);
  });

  it('becomes at risk at the very millisecond, by a timer and with reason time', async () => {
    const due = Date.now() + 3_000;
    await service.hear(recorded('sleepy'), placed('shop:s1', 'sleepy', { placedAt: iso(due - 90 * DAY) }));

    const change = await eventually(async () => {
      const found = (await changesOf('sleepy')).find(({ type, body }) => type === 'SegmentEntered' && body['segment'] === 'activity.at_risk');
      expect(found).toBeDefined();
      return found!;
    }, 20_000);
    expect(change.body).toMatchObject({ reason: 'time', effectiveAt: iso(due), acceptedAt: iso(due) });
  });

  it('moves orders with their subject when two profiles turn out to be one person, and back', async () => {
    const both = [`shop:account:left`, `shop:account:right`];
    await service.hear(recorded('left'), recorded('right', { decision: '2' }), placed('shop:l1', 'left'), placed('shop:r1', 'right'));
    await eventually(async () => expect((await get(`/api/segmentation/profiles/${profileOf('right')}`)).body.traits?.orders).toBe(1));
    await service.hear(recorded('left', { version: '2', decision: '3', subjects: both }), recorded('right', { version: '2', decision: '3', subjects: [] }));
    await eventually(async () => expect((await get(`/api/segmentation/profiles/${profileOf('left')}`)).body).toMatchObject({ subjects: both, traits: { orders: 2 } }));
    await eventually(async () => expect((await get(`/api/segmentation/profiles/${profileOf('right')}`)).body.traits.orders).toBe(0));

    await service.hear(recorded('left', { version: '3', decision: '4' }), recorded('right', { version: '3', decision: '4' }));
    await eventually(async () => expect((await get(`/api/segmentation/profiles/${profileOf('right')}`)).body.traits.orders).toBe(1));
    expect((await get(`/api/segmentation/profiles/${profileOf('left')}`)).body.traits.orders).toBe(1);
  });

  it('lists members by page, counts them, and knows no other segments', async () => {
    const first = await get('/api/segmentation/segments/lifecycle.first/members?limit=1');
    expect(first.body.items).toHaveLength(1);
    const second = await get(`/api/segmentation/segments/lifecycle.first/members?limit=1&after=${first.body.next}`);
    expect(second.body.items[0].profileId).not.toBe(first.body.items[0].profileId);
    expect((await get('/api/segmentation/segments/nobody/members')).body.code).toBe('segment.not_found');
    expect((await get('/api/segmentation/segments')).body.items.find(({ segment }: { segment: string }) => segment === 'lifecycle.first').members).toBeGreaterThan(1);
  });

  it('recomputes the cut points as a job, says them, and walks over everybody', async () => {
    const job = await supertest(service.baseUrl).post('/api/segmentation/rfm/cut-points').set('authorization', `Bearer ${service.credentials.apiToken}`).expect(202);

    await eventually(async () => expect((await get(`/api/segmentation/jobs/${job.body.id}`)).body).toMatchObject({ state: 'done' }));
    const { body } = await get('/api/segmentation/rfm/cut-points');
    expect(body).toMatchObject({ version: 2, buyers: 0 });
    await eventually(async () => expect(await service.said(streams.segmentationModels)).toMatchObject([{ body: { ruleVersion: '2' } }]));
    expect(await service.db.query('select 1 from standings where rule_version < 2')).toEqual([]);
  });
});
