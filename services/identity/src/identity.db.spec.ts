import supertest from 'supertest';

import { streams, type CustomerObserved, type Fact } from '@yunke/contracts';
import { Batch } from '@yunke/events';
import { iso, opaqueId } from '@yunke/kernel';
import type { Tx } from '@yunke/postgres';
import { signToken } from '@yunke/service';
import { NOON, SECRET, aCustomerObserved, aReturnObserved, anOrderObserved, eventually, serviceUnderTest, type Said, type ServiceUnderTest } from '@yunke/testing';

import { identity } from './identity.module.js';
import { ObservationHandlers } from './observation/observation.handlers.js';

const idOf = (subject: string): string => opaqueId(SECRET, 'subject', subject);
/** A customer observation, minutes after noon. */
const told = (subject: string, minutes: number, say: Partial<CustomerObserved> = {}): Fact & { id: string } => {
  const [source] = subject.split(':') as [string];
  const body = aCustomerObserved({ source, subject, occurredAt: iso(NOON + minutes * 60_000), ...say });
  return { type: 'CustomerObserved', body, id: `record ${body.messageId}` };
};
const unionid = (value: string) => ({ identifiers: [{ type: 'unionid', value }] });

describe('identity', () => {
  let service: ServiceUnderTest;
  let viewer: string;
  let serial = 0;
  beforeAll(async () => {
    service = await serviceUnderTest(identity);
    viewer = `Bearer ${await signToken(service.credentials.tokenPrivateKey, 'vera', 'viewer', 600)}`;
  });
  afterAll(() => service.stop());

  const operator = () => `Bearer ${service.credentials.apiToken}`;
  const get = (path: string, token = operator()) => supertest(service.baseUrl).get(path).set('authorization', token);
  const decide = (body: object, key = `key ${(serial += 1)}`) => supertest(service.baseUrl).post('/api/identity/decisions').set('authorization', operator()).set('idempotency-key', key).send({ reason: 'the customer said so', ...body });
  const withdraw = (id: string) => supertest(service.baseUrl).delete(`/api/identity/decisions/${id}`).set('authorization', operator());
  const profileOf = async (subject: string) => (await get(`/api/profiles/${idOf(subject)}`)).body as { profileId: string; showsAs: string; subjects: string[]; golden: { field: string; value: string; source: string }[] };
  const records = async (subject: string): Promise<Said['body'][]> => (await service.said(streams.identityProfiles)).filter(({ key }) => key === idOf(subject)).map(({ body }) => body);
  const changes = async (subject: string) => (await service.said(streams.identityChanges)).filter(({ key }) => key === idOf(subject));
  /** Hears facts one by one, each in a transaction of its own. */
  const hearNow = async (...facts: Fact[]) => {
    for (const fact of facts) await service.db.tx((tx) => take(tx, fact));
  };
  /** The second begins when the first has done all but commit, and then waits for it or has ended. */
  const bothAtOnce = async (first: (tx: Tx) => Promise<void>, second: (tx: Tx) => Promise<void>) => {
    let behind: Promise<void> = Promise.resolve();
    await service.db.tx(async (tx) => {
      await first(tx);
      let ended = 0;
      behind = service.db.tx(second).finally(() => (ended = 1));
      await eventually(async () => expect(ended + (await service.db.query(`select 1 from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()`)).length).toBe(1));
    });
    await behind;
  };
  const saidSoFar = async () => {
    await eventually(async () => expect(await service.db.query('select 1 from outbox')).toEqual([]));
    return (await service.db.query<{ n: string }>('select next_n as n from relay_lease'))[0]!.n;
  };

  it('makes a person of a subject that it sees for the first time, and says so once', async () => {
    await service.hear(told('shop:account:first', 0, { name: 'Ada', email: 'first@example.com' }));

    await eventually(async () => expect(await records('shop:account:first')).toHaveLength(1));
    expect(await records('shop:account:first')).toMatchObject([{
      version: '1', subjects: ['shop:account:first'], firstSeenAt: iso(NOON), acceptedAt: iso(NOON), stale: false, reason: 'event',
      golden: [{ field: 'name', value: 'Ada', source: 'shop', occurredAt: iso(NOON) }, { field: 'email', value: 'first@example.com' }],
    }]);
    await eventually(async () => expect(await changes('shop:account:first')).toMatchObject([{ type: 'ProfileCreated', body: { subjects: ['shop:account:first'], acceptedAt: iso(NOON) } }]));
  });

  it.each([['as they were accepted', [0, 1]], ['the other way round', [1, 0]]])('makes one person of two shops\' accounts with one phone, under the id of the older, heard %s', async (how, order) => {
    const [mobile, name] = [`1380013900${order[0]!}`, `merge-${order[0]!}`];
    const both = [told(`shop:account:${name}`, 1, { phone: mobile }), told(`pos:account:${name}`, 2, { phone: `+86 ${mobile}` })];
    await hearNow(...order.map((index) => both[index]!));

    expect(await profileOf(`pos:account:${name}`)).toMatchObject({ profileId: idOf(`shop:account:${name}`), showsAs: idOf(`shop:account:${name}`), subjects: [`pos:account:${name}`, `shop:account:${name}`] });
    await eventually(async () => expect((await records(`shop:account:${name}`)).at(-1)).toMatchObject({ subjects: [`pos:account:${name}`, `shop:account:${name}`] }));
    if (how !== 'the other way round') return;
    // The younger one was shown first: its record is emptied, under the same decision, and says why.
    const [gone, merged] = [(await records(`pos:account:${name}`)).at(-1)!, (await changes(`shop:account:${name}`)).at(-1)!];
    expect(gone).toMatchObject({ version: '2', subjects: [], golden: [], reason: 'identity' });
    expect(gone['decision']).toBe((await records(`shop:account:${name}`)).at(-1)!['decision']);
    expect(merged).toMatchObject({ type: 'ProfilesMerged', body: { mergedIds: [idOf(`pos:account:${name}`)], because: 'phone', cause: both[0]!.id } });
  });

  it.each([
    ['a new phone', (name: string) => [told(`shop:account:${name}`, 1, { phone: '13800139101', name: 'Ada' }), told(`pos:account:${name}`, 2, { phone: '13800139101' })]],
    ['a new subject with the phone of another', (name: string) => [told(`pos:account:${name}`, 2, { email: `${name}@example.com` }), told(`pos:account:${name}`, 3, { phone: '13800139102' })]],
    ['a new phone of two who are known', (name: string) => [told(`shop:account:${name}`, 3, { phone: '13800139103' }), told(`pos:account:${name}`, 4, { phone: '13800139103' })]],
  ])('hears %s from two partitions at once: who decides second has read what the first decided', async (what, facts) => {
    const name = what.replaceAll(' ', '-');
    if (what.includes('another')) await hearNow(told(`shop:account:${name}`, 1, { phone: '13800139102' }));
    if (what.includes('known')) await hearNow(told(`shop:account:${name}`, 1), told(`pos:account:${name}`, 2));
    const [first, second] = facts(name);
    await bothAtOnce((tx) => take(tx, first!), (tx) => take(tx, second!));

    expect(await profileOf(`pos:account:${name}`)).toMatchObject({ profileId: idOf(`shop:account:${name}`), subjects: [`pos:account:${name}`, `shop:account:${name}`] });
    if (what.includes('another')) expect((await get(`/api/profiles/lookup?type=email&value=${name}@example.com`)).body.items).toMatchObject([{ profileId: idOf(`shop:account:${name}`) }]);
  });

  it.each([['before', 'kept-1'], ['after', 'kept-2']])('keeps the name that one partition brings %s another moves its subject', async (when, name) => {
    await hearNow(told(`shop:account:${name}`, 1, unionid(name)), told(`pos:account:${name}`, 2));
    const [named, moved] = [told(`pos:account:${name}`, 3, { name: 'Grace' }), told(`pos:account:${name}`, 4, unionid(name))];
    const [first, second] = when === 'before' ? [named, moved] : [moved, named];
    await bothAtOnce((tx) => take(tx, first), (tx) => take(tx, second));

    expect(await profileOf(`pos:account:${name}`)).toMatchObject({ profileId: idOf(`shop:account:${name}`), golden: [{ field: 'name', value: 'Grace' }] });
    await eventually(async () => expect((await records(`shop:account:${name}`)).at(-1)).toMatchObject({ golden: [{ value: 'Grace' }] }));
    await eventually(async () => expect((await records(`pos:account:${name}`)).at(-1)).toMatchObject({ subjects: [] }));
  });

  it('keeps what two partitions tell at once of two members of one person', async () => {
    await hearNow(told('shop:account:pair', 1, unionid('pair')), told('pos:account:pair', 2, unionid('pair')));
    await bothAtOnce((tx) => take(tx, told('shop:account:pair', 3, { name: 'Ada' })), (tx) => take(tx, told('pos:account:pair', 4, { city: 'York' })));
    await eventually(async () => expect((await records('shop:account:pair')).at(-1)).toMatchObject({ version: '4', golden: [{ value: 'Ada' }, { value: 'York' }] }));
  });

  it('brings together by a late unionid what two apps knew apart, and any old id leads to the present profile', async () => {
    await hearNow(told('mini:account:late', 1), told('app:account:late', 2, { name: 'Ada' }));
    expect((await profileOf('app:account:late')).profileId).toBe(idOf('app:account:late'));
    await hearNow(told('mini:account:late', 8, unionid('late')), told('app:account:late', 9, unionid('late')));

    for (const one of ['mini:account:late', 'app:account:late']) expect(await profileOf(one)).toMatchObject({ showsAs: idOf('mini:account:late'), golden: [{ value: 'Ada', source: 'app' }] });
    expect((await get('/api/profiles/0123456789abcdef0123456789abcdef')).body).toMatchObject({ status: 404, code: 'profile.not_found' });
    expect((await get('/api/profiles/nobody')).body.code).toBe('profile.not_found');
    expect((await get(`/api/profiles/${idOf('app:account:late')}/journal`)).body.items).toMatchObject([
      { kind: 'merged-away', profileId: idOf('app:account:late'), reason: { because: 'unionid', value: 'late', profiles: [idOf('mini:account:late')] } },
      { kind: 'merged', profileId: idOf('mini:account:late') },
    ].sort((a, b) => (a.profileId < b.profileId ? 1 : -1)));
  });

  it('gives the old ids back when an identifier is revoked, and the merged one again when that is withdrawn', async () => {
    await hearNow(told('shop:account:undo', 1, unionid('undo')), told('pos:account:undo', 2, { ...unionid('undo'), name: 'Ada' }));
    const decision = (await decide({ kind: 'revoke', subject: 'pos:account:undo', type: 'unionid', value: 'undo' }).expect(201)).body;

    expect((await profileOf('pos:account:undo')).profileId).toBe(idOf('pos:account:undo'));
    await eventually(async () => expect((await records('pos:account:undo')).at(-1)).toMatchObject({ subjects: ['pos:account:undo'], golden: [{ value: 'Ada' }], reason: 'identity' }));
    await eventually(async () => expect((await changes('shop:account:undo')).at(-1)).toMatchObject({ type: 'ProfileSplit', body: { splitIds: [idOf('pos:account:undo')], because: 'revoke', cause: decision.id } }));
    await hearNow(told('pos:account:undo', 9, unionid('undo')));
    expect((await profileOf('pos:account:undo')).profileId).toBe(idOf('pos:account:undo'));

    expect((await withdraw(decision.id).expect(200)).body).toMatchObject({ id: decision.id, withdrawnBy: 'owner' });
    expect((await withdraw(decision.id).expect(200)).body.id).toBe(decision.id);
    expect(await profileOf('pos:account:undo')).toMatchObject({ profileId: idOf('shop:account:undo'), golden: [{ value: 'Ada' }] });
    const versions = (await eventually(async () => { const all = await records('pos:account:undo'); expect(all.at(-1)!['subjects']).toEqual([]); return all; })).map(({ version }) => Number(version));
    expect(versions).toEqual(versions.toSorted((a, b) => a - b));
  });

  it('links what people link, keeps apart what they keep apart, and waits for whom nobody has seen', async () => {
    await hearNow(told('shop:account:l1', 1), told('shop:account:l2', 2));
    const link = (await decide({ kind: 'link', a: 'shop:account:l2', b: 'shop:account:l1' }).expect(201)).body;
    await decide({ kind: 'link', a: 'shop:account:l1', b: 'shop:account:l3' }).expect(201);
    expect((await profileOf('shop:account:l2')).subjects).toEqual(['shop:account:l1', 'shop:account:l2']);

    await hearNow(told('shop:account:l3', 3));
    expect((await profileOf('shop:account:l2')).subjects).toEqual(['shop:account:l1', 'shop:account:l2', 'shop:account:l3']);
    await decide({ kind: 'cannot-link', a: 'shop:account:l1', b: 'shop:account:l2' }).expect(201);
    expect((await profileOf('shop:account:l2')).subjects).toEqual(['shop:account:l2']);
    const { body } = await get(`/api/profiles/${idOf('shop:account:l2')}/evidence`);
    expect(body).toMatchObject({ profileId: idOf('shop:account:l2'), refused: [{ type: 'link', reason: 'cannot-link' }], decisions: [{ kind: 'link', id: link.id, actor: 'owner' }, { kind: 'cannot-link' }] });
  });

  it('unites an office\'s accounts by its phone until one too many carries it, and again when a person lifts it', async () => {
    const office = Array.from({ length: 6 }, (_, index) => told(`office${index}:account:1`, index, { phone: '13800139222' }));
    await hearNow(...office.slice(0, 5));
    expect((await profileOf('office4:account:1')).subjects).toHaveLength(5);
    await hearNow(office[5]!);
    for (const index of [0, 1, 2, 3, 4, 5]) expect((await profileOf(`office${index}:account:1`)).subjects).toEqual([`office${index}:account:1`]);
    await eventually(async () => expect((await changes('office0:account:1')).at(-1)).toMatchObject({ type: 'ProfileSplit', body: { because: 'phone', cause: office[5]!.id } }));

    await decide({ kind: 'lift', type: 'phone', value: '138 0013 9222' }).expect(201);
    expect((await profileOf('office5:account:1')).subjects).toHaveLength(6);
  });

  it('counts what was revoked before it was heard: it unites nobody, but may be the one too many', async () => {
    const office = Array.from({ length: 6 }, (_, index) => told(`branch${index}:account:1`, index, { phone: '13800139223' }));
    await hearNow(...office.slice(0, 5));
    await decide({ kind: 'revoke', subject: 'branch5:account:1', type: 'phone', value: '13800139223' }).expect(201);
    expect((await profileOf('branch4:account:1')).subjects).toHaveLength(5);
    await hearNow(office[5]!);
    expect((await profileOf('branch4:account:1')).subjects).toEqual(['branch4:account:1']);
  });

  it('keeps the people of what is too large to resolve, its newcomers alone, and resolves each when it can again', async () => {
    const guests = (from: number, email: string): Fact[] => Array.from({ length: 1_000 }, (_, index) => ({ type: 'OrderObserved', body: anOrderObserved({ subject: `shop:order-contact:${from + index}`, orderId: `shop:${from + index}`, email }) }));
    const stored = (subject: string) => service.db.query(`select cardinality(subjects) as size, stale from profiles where profile_id = (select profile_id from subjects where subject = $1)`, [subject]);
    for (const thousand of [0, 1, 2, 3, 4]) await service.db.tx((tx) => takeAll(tx, guests(thousand * 1_000, 'pooled@example.com')));
    expect(await stored('shop:order-contact:7')).toEqual([{ size: 4_000, stale: true }]);
    expect(await stored('shop:order-contact:4007')).toEqual([{ size: 1, stale: true }]);

    await service.db.tx((tx) => takeAll(tx, [0, 1, 2, 3, 4, 5].map((index) => told(`pool${index}:account:1`, index, { email: 'pooled@example.com' }))));
    expect(await stored('pool5:account:1')).toEqual([{ size: 1, stale: false }]);
    await hearNow({ type: 'OrderObserved', body: anOrderObserved({ subject: 'shop:order-contact:7', email: 'own@example.com' }) });
    for (const subject of ['shop:order-contact:7', 'shop:order-contact:3999']) expect(await stored(subject)).toEqual([{ size: 1, stale: false }]);
  }, 60_000);

  it('says nothing about what brings nothing new', async () => {
    const known = told('shop:account:quiet', 5, { phone: '13800139333', name: 'Ada' });
    const order = anOrderObserved({ subject: 'shop:account:quiet', phone: '13800139333', occurredAt: iso(NOON + 9 * 60_000) });
    await hearNow(known);
    const before = await saidSoFar();
    await hearNow(known, { type: 'OrderObserved', body: order }, { type: 'BehaviourObserved', body: { ...order, kind: 'page', name: '/' } as never }, { type: 'ReturnObserved', body: aReturnObserved({ subject: 'shop:account:quiet', occurredAt: order.occurredAt }) },
      { type: 'OrderObserved', body: anOrderObserved({ subject: '', email: 'nobody@example.com' }) }, { type: 'ShipmentObserved', body: { ...order, shipmentId: 'S1' } as never },
      told('shop:account:quiet', 4, { phone: 'null', identifiers: [{ type: 'oaid', value: 'x' }, { type: 'phone', value: '138****9333' }], occurredAt: order.occurredAt }));
    expect(await saidSoFar()).toBe(before);
  });

  it('keeps per field what the most trusted said last, and the most restrictive consent', async () => {
    await hearNow(told('shop:account:gold', 1, { ...unionid('gold'), city: 'Leeds', name: 'Ada', marketingConsent: true }), told('pos:account:gold', 2, { ...unionid('gold'), city: 'York', marketingConsent: false }),
      told('shop:account:gold', 9, { city: 'Nowhere', verified: false }), told('shop:account:gold', 3, { marketingConsent: true }));
    expect((await profileOf('pos:account:gold')).golden).toMatchObject([
      { field: 'name', value: 'Ada', source: 'shop' }, { field: 'city', value: 'York', source: 'pos' }, { field: 'marketingConsent', value: 'false', source: 'pos' },
    ]);
    await eventually(async () => expect((await records('shop:account:gold')).at(-1)).toMatchObject({ golden: [{ value: 'Ada' }, { value: 'York' }, { value: 'false' }] }));
  });

  it('knows the guest of an order by its contact, once, however often the order is shown', async () => {
    const order = anOrderObserved({ orderId: 'shop:G1', subject: 'shop:order-contact:G1', email: 'guest@example.com', country: 'CN' });
    await hearNow({ type: 'OrderObserved', body: order }, { type: 'OrderObserved', body: { ...order, messageId: 'paid', occurredAt: iso(NOON + 60_000), acceptedAt: iso(NOON + 60_000) } });
    expect((await profileOf('shop:order-contact:G1')).golden).toMatchObject([{ field: 'email', value: 'guest@example.com' }, { field: 'country', value: 'CN' }]);
    await eventually(async () => expect(await records('shop:order-contact:G1')).toHaveLength(1));
  });

  it('gives an imported history no alarm, and what comes late the word late', async () => {
    await hearNow(told('shop:account:old', 1, { history: true }), told('shop:account:slow', 1, { acceptedAt: iso(NOON + 7_200_000) }));
    await eventually(async () => expect(await records('shop:account:old')).toMatchObject([{ reason: 'history' }]));
    await eventually(async () => expect(await records('shop:account:slow')).toMatchObject([{ reason: 'late', firstSeenAt: iso(NOON + 60_000), acceptedAt: iso(NOON + 7_200_000) }]));
  });

  it('finds people by a subject and by an identifier as somebody types it, and shows a viewer no address', async () => {
    await hearNow(told('shop:account:seek', 1, { email: 'Seek@Example.com', phone: '13800139444', city: 'York' }), told('web:account:seek', 2, { source: 'web', email: 'seek@example.com', verified: false }));
    const found = (await get('/api/profiles/lookup?type=email&value=%20SEEK@example.com')).body;
    expect(found.items.map(({ profileId }: { profileId: string }) => profileId)).toEqual([idOf('shop:account:seek'), idOf('web:account:seek')]);
    expect((await get('/api/profiles/lookup?subject=web:account:seek')).body.items).toMatchObject([{ subjects: ['web:account:seek'] }]);
    expect((await get('/api/profiles/lookup?type=account&value=shop:seek')).body.items).toMatchObject([{ subjects: ['shop:account:seek'] }]);
    expect((await get('/api/profiles/lookup?subject=web:account:unseen')).body.items).toEqual([]);
    const values = async (token: string) => (await get(`/api/profiles/${idOf('shop:account:seek')}`, token)).body.golden.map(({ value }: { value: string }) => value);
    expect(await values(operator())).toEqual(['Seek@Example.com', '13800139444', 'York']);
    expect(await values(viewer)).toEqual(['S***@Example.com', '138****9444', 'York']);
    expect((await get(`/api/profiles/${idOf('shop:account:seek')}/evidence`, viewer)).body.evidence).toMatchObject([{ type: 'email', value: 's***@example.com' }, { type: 'phone', value: '+86138****9444' }]);
  });

  it('makes one decision of one idempotency key', async () => {
    await hearNow(told('shop:account:i1', 1), told('shop:account:i2', 2));
    const asked = { kind: 'link', a: 'shop:account:i1', b: 'shop:account:i2' };
    const first = await decide(asked, 'one key').expect(201);
    expect((await decide(asked, 'one key').expect(201)).body).toEqual(first.body);
    expect((await decide({ ...asked, reason: 'another' }, 'one key').expect(422)).body.code).toBe('idempotency.key_reused');
    const post = (token: string) => supertest(service.baseUrl).post('/api/identity/decisions').set('authorization', token).send({ ...asked, reason: 'x' });
    expect((await post(operator()).expect(400)).body.code).toBe('idempotency.key_missing');
    expect((await post(viewer).set('idempotency-key', 'v').expect(403)).body.code).toBe('token.role_insufficient');
    expect((await get(`/api/identity/decisions/${first.body.id}`)).body).toEqual(first.body);
  });

  it.each([
    [{ kind: 'link', a: 'shop:account:1' }, 'decision.incomplete'], [{ kind: 'link', a: 'shop:account:1', b: 'shop:account:1' }, 'decision.same_subject'],
    [{ kind: 'cannot-link', a: 'ada', b: 'shop:account:1' }, 'subject.malformed'], [{ kind: 'lift', type: 'phone', value: 'null' }, 'identifier.refused'],
    [{ kind: 'lift', type: 'device', value: 'D1' }, 'identifier.source_missing'], [{ kind: 'guess' }, 'validation_failed'], [{ kind: 'lift', type: 'phone', value: '13800138000', force: true }, 'unknown_field'],
  ])('refuses the decision %j with %s', async (body, code) => {
    expect((await decide(body).expect(422)).body.code).toBe(code);
  });

  it('refuses what it cannot look up, and cursors that it never gave', async () => {
    expect((await get('/api/profiles/lookup?type=email').expect(422)).body.code).toBe('lookup.incomplete');
    expect((await get('/api/profiles/lookup?type=phone&value=null').expect(422)).body.code).toBe('identifier.refused');
    expect((await get('/api/profiles/lookup?subject=ada').expect(422)).body.code).toBe('subject.malformed');
    expect((await get('/api/profiles?after=eyJhIjoxfQ').expect(422)).body.code).toBe('cursor.invalid');
    expect((await get('/api/profiles?limit=0').expect(422)).body.code).toBe('validation_failed');
    expect((await withdraw('nothing').expect(404)).body.code).toBe('decision.not_found');
    await supertest(service.baseUrl).get('/api/profiles').expect(401);
  });

  it('lists every person once, page by page, the latest first', async () => {
    const all: { profileId: string; firstSeenAt: string; subjects: string[] }[] = [];
    for (let after = ''; ;) {
      const { body } = await get(`/api/profiles?limit=199${after && `&after=${after}`}`).expect(200);
      all.push(...body.items);
      if (!body.next) break;
      after = body.next;
    }
    const living = await service.db.query(`select 1 from profiles where subjects <> '{}'`);
    expect(new Set(all.map(({ profileId }) => profileId)).size).toBe(living.length);
    expect(all.map(({ firstSeenAt }) => firstSeenAt)).toEqual(all.map(({ firstSeenAt }) => firstSeenAt).toSorted().reverse());
    expect(all.some(({ subjects }) => subjects.length === 0)).toBe(false);
    const journal = `/api/profiles/${idOf('shop:account:undo')}/journal`;
    const first = (await get(`${journal}?limit=2`).expect(200)).body;
    const rest = (await get(`${journal}?after=${first.next}`).expect(200)).body;
    expect([...first.items, ...rest.items].map(({ kind, reason }: { kind: string; reason: { because: string } }) => [kind, reason.because])).toEqual([['merged', 'unionid'], ['split', 'revoke']]);
  });

  it('says a profile again when its topic may end with a stale copy', async () => {
    await service.hear(told('shop:account:again', 1, { name: 'Ada' }), told('shop:account:again', 2, { name: 'Grace' }));
    const [first] = await eventually(async () => { const all = await records('shop:account:again'); expect(all.at(-1)).toMatchObject({ golden: [{ value: 'Grace' }] }); return all; });
    const versions = async () => (await records('shop:account:again')).map(({ version }) => version);
    const before = await versions();
    await service.hear({ type: 'ProfileRecorded', body: { ...first, version: '0', golden: [] } as never });
    await eventually(async () => expect(await versions()).toEqual([...before, before.at(-1)]));
    expect((await records('shop:account:again')).at(-1)).toMatchObject({ golden: [{ value: 'Grace' }] });
  });

  /** Hears one fact through the handler of its stream. */
  const take = (tx: Tx, fact: Fact & { id?: string }): Promise<void> => takeAll(tx, [fact]);

  /** Hears facts of one stream in one chunk. */
  async function takeAll(tx: Tx, facts: readonly (Fact & { id?: string })[]): Promise<void> {
    const heard = facts.map(({ type, body, id }) => {
      const { messageId, acceptedAt, subject } = body as unknown as { messageId: string; acceptedAt: string; subject: string };
      return { type, body, id: id ?? `record ${messageId}`, key: subject, acceptedAt: Date.parse(acceptedAt) };
    });
    const [batch, handlers, type] = [new Batch(heard as never) as never, new ObservationHandlers(), facts[0]!.type];
    if (type === 'CustomerObserved') return handlers.customers(batch, tx);
    if (type === 'ReturnObserved') return handlers.returns(batch, tx);
    return type === 'BehaviourObserved' ? handlers.behaviour(batch, tx) : handlers.orders(batch, tx);
  }
});
