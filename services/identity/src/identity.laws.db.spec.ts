import fc from 'fast-check';

import { streams, type Fact, type GoldenValue, type ProfileRecorded } from '@yunke/contracts';
import { Batch, giveVoice, say } from '@yunke/events';
import { iso, opaqueId, uuidv5 } from '@yunke/kernel';
import { Db, isTransient, type Tx } from '@yunke/postgres';
import { migrationsOf } from '@yunke/service';
import { NOON, SECRET, aCustomerObserved, anOrderObserved, throwAwayDatabase } from '@yunke/testing';

import { matterOf, type Asked } from './decision/decision.js';
import { apply, insert } from './decision/decision.store.js';
import { identity } from './identity.module.js';
import { ObservationHandlers } from './observation/observation.handlers.js';
import { lockGraph } from './partition/graph.store.js';
import { fold, mergeRegisters, registersOf, type Registers, type Told } from './profile/golden.js';
import { showAll } from './profile/profile.js';
import { goldenOf, records } from './profile/profile.store.js';
import { components, countCarriers, type Decision, type Evidence, type Seen } from './resolve/resolve.component.js';
import { resolve } from './resolve/resolve.js';

// Histories in which nearly everything collides: six accounts at three sources, two visitors, two guests, nine identifiers.
const accounts = ['web', 'pos', 'app'].flatMap((source) => [`${source}:account:1`, `${source}:account:2`]);
const subjects = [...accounts, 'web:anonymous:x', 'app:anonymous:y', 'web:order-contact:A', 'pos:order-contact:B'];
/** What a source says, and what evidence keeps: nothing of what never links. */
const identifiers = [
  { said: ['phone', '13800138001'], kept: '+8613800138001' }, { said: ['phone', '138 0013 8002'], kept: '+8613800138002' },
  { said: ['email', 'A@x.org'], kept: 'a@x.org' }, { said: ['email', 'b@x.org'], kept: 'b@x.org' },
  { said: ['unionid', 'u1'], kept: 'u1' }, { said: ['unionid', 'u2'], kept: 'u2' },
  { said: ['anonymous', 'x'], kept: '@x' }, { said: ['device', 'd'], kept: '@d' }, { said: ['phone', 'null'], kept: undefined },
] as const;

type Step = { readonly subject: string; readonly carried: readonly (typeof identifiers)[number][]; readonly at: number; readonly accepted: number; readonly verified: boolean; readonly name: string | undefined; readonly consent: boolean | undefined; readonly kind: 'customer' | 'order' | 'page' };
type Decided = { readonly asked: Asked; readonly at: number };

const few = fc.integer({ min: 0, max: 3 });
const subject = fc.constantFrom(...subjects);
const steps: fc.Arbitrary<Step> = fc.record({
  subject, carried: fc.subarray([...identifiers], { maxLength: 2 }), at: few, accepted: few, verified: few.map((roll) => roll > 0),
  name: fc.constantFrom(undefined, 'Ada', 'Grace'), consent: fc.constantFrom(undefined, undefined, true, false), kind: fc.constantFrom('customer', 'customer', 'order', 'page'),
});
/** One phone on all accounts but perhaps one: generic, or just not. */
const hub: fc.Arbitrary<Step[]> = fc.tuple(steps, fc.shuffledSubarray(accounts, { minLength: 5 })).map(([one, carriers]) => carriers.map((each) => ({ ...one, subject: each, carried: [identifiers[0]] })));
const asked: fc.Arbitrary<Asked> = fc.oneof(
  fc.record({ kind: fc.constantFrom('link' as const, 'cannot-link' as const), a: subject, b: subject }).filter(({ a, b }) => a !== b),
  fc.record({ kind: fc.constant('revoke' as const), subject, type: fc.constant('phone'), value: fc.constantFrom('13800138001', '13800138002') }),
  fc.record({ kind: fc.constant('lift' as const), type: fc.constant('phone'), value: fc.constant('13800138001') }),
).map((one) => ({ ...one, reason: 'so' }));
const histories = fc.record({
  observed: fc.tuple(fc.array(steps, { minLength: 5, maxLength: 22 }), fc.oneof(fc.constant([]), hub)).map(([one, other]) => [...one, ...other]),
  decided: fc.array(fc.record({ asked, at: few }), { maxLength: 3 }),
});

type Observed = { fact: Fact; step: Step; messageId: string };
const observed = (step: Step, index: number): Observed => {
  const [source] = step.subject.split(':') as [string];
  const messageId = `m${index}`;
  const about = { source, subject: step.subject, messageId, occurredAt: iso(NOON + step.at), acceptedAt: iso(NOON + 10 + step.accepted), verified: step.verified, identifiers: step.carried.map(({ said: [type, value] }) => ({ type, value })) };
  if (step.kind === 'page') return { step, messageId, fact: { type: 'BehaviourObserved', body: { ...about, history: false, kind: 'page', name: '/' } } };
  if (step.kind === 'order') return { step, messageId, fact: { type: 'OrderObserved', body: anOrderObserved({ ...about, orderId: `${source}:${index}` }) } };
  return { step, messageId, fact: { type: 'CustomerObserved', body: aCustomerObserved({ ...about, ...(step.name && { name: step.name }), ...(step.consent !== undefined && { marketingConsent: step.consent }) }) } };
};

type Person = { profileId: string; subjects: string[]; firstSeenAt: string; golden: GoldenValue[] };
const idOf = (one: string): string => opaqueId(SECRET, 'subject', one);
const byId = (people: Person[]): Person[] => people.toSorted((a, b) => (a.profileId < b.profileId ? -1 : 1));
const decisionId = (index: number): string => uuidv5(`decision ${index}`);

/** The oracle: everything at once. It shares the rules with the service, and nothing of how they are fed. */
function batch(all: readonly Observed[], decided: readonly Decided[]): Person[] {
  const version = ({ at, accepted }: Step, messageId: string) => [NOON + at, NOON + 10 + accepted, messageId] as const;
  const seen = all.map(({ step }): Seen => ({ subject: step.subject, acceptedAt: NOON + 10 + step.accepted, firstSeenAt: NOON + step.at }));
  const evidence = all.flatMap(({ step, messageId }) => step.carried.flatMap(({ said: [type], kept }): Evidence[] => {
    const value = kept?.replace('@', type === 'anonymous' || type === 'device' ? `${step.subject.split(':')[0]}:` : '@');
    const own = step.subject.replace(/^(\w+):(\w+):(.*)$/, '$2=$1:$3');
    return value === undefined || own === `${type}=${value}` ? [] : [{ subject: step.subject, type, value, version: version(step, messageId), verified: step.verified }];
  }));
  const decisions = decided.map(({ asked: { kind, a, b, subject: of, type, value }, at }, index): Decision =>
    (kind === 'link' || kind === 'cannot-link' ? { kind, a: a!, b: b!, version: [NOON + at, NOON + at, decisionId(index)] } : kind === 'revoke' ? { kind, subject: of!, type: type!, value: `+86${value!}` } : { kind, type: type!, value: `+86${value!}` }));
  const registers = new Map<string, Registers>();
  for (const { step, messageId } of all.filter((one) => one.step.kind === 'customer')) {
    const told: Told = { subject: step.subject, verified: step.verified, version: version(step, messageId), ...(step.name && { name: step.name }), ...(step.consent !== undefined && { marketingConsent: step.consent }) };
    registers.set(step.subject, mergeRegisters(registers.get(step.subject) ?? {}, registersOf(told)));
  }
  return byId(components({ seen, evidence, decisions }, countCarriers(evidence)).map(resolve).flatMap((one) => (one.stale ? [] : one.profiles)).map(({ oldest, subjects: members, firstSeenAt }) => (
    { profileId: idOf(oldest), subjects: members, firstSeenAt: iso(firstSeenAt), golden: showAll(fold(members.map((member) => registers.get(member) ?? {}))) })));
}

describe('the people that identity knows', () => {
  let db: Db;
  beforeAll(async () => {
    db = await Db.open({ url: await throwAwayDatabase({ name: 'identity', migrations: migrationsOf(identity) }), applicationName: 'laws', migrations: [] });
    giveVoice(db, { service: 'identity', secret: SECRET, partitions: 4, epoch: 'laws', said: () => undefined });
  });
  afterAll(() => db.close());

  type Doing = { run: (tx: Tx) => Promise<void> };
  const handlers = new ObservationHandlers();
  const chunk = (facts: readonly Observed[]): Doing => ({
    run: async (tx) => {
      for (const stream of [streams.customerObservations, streams.behaviourObservations, streams.orderObservations]) {
        const mine = facts.filter(({ fact }) => (stream.types as readonly string[]).includes(fact.type)).map(({ fact, messageId }) => ({ type: fact.type, body: fact.body, id: messageId, key: '', acceptedAt: Date.parse((fact.body as { acceptedAt: string }).acceptedAt) }));
        const heard = stream === streams.customerObservations ? handlers.customers : stream === streams.orderObservations ? handlers.orders : handlers.behaviour;
        if (mine.length > 0) await heard.call(handlers, new Batch(mine as never) as never, tx);
      }
    },
  });
  const decision = ({ asked: one, at }: Decided, index: number): Doing => ({
    run: async (tx) => {
      await lockGraph(tx);
      const decided = { ...matterOf(one), id: decisionId(index), reason: 'so', actor: 'owner', decidedAt: NOON + at };
      await insert(tx, decided, { key: `k${index}`, text: '' });
      say(tx, await apply(tx, decided, { id: `k${index}`, place: 0, acceptedAt: NOON, occurredAt: NOON, history: false }, idOf));
    },
  });

  /** Hears everything from nothing: some lanes at once, each in its order; a transient failure is tried again, as the listener does. */
  async function hear(lanes: readonly (readonly Doing[])[]): Promise<Person[]> {
    await db.query('truncate subjects, evidence, golden, profiles, decisions, journal, outbox');
    await Promise.all(lanes.map(async (lane) => {
      for (const { run } of lane) await untilDone(() => db.tx(run));
    }));
    const living = (await records(db, (await db.query<{ id: string }>(`select profile_id as id from profiles where subjects <> '{}'`)).map(({ id }) => id)));
    const golden = await goldenOf(db, living);
    const people = byId(living.map(({ profileId, subjects: members, firstSeenAt }) => ({ profileId, subjects: [...members], firstSeenAt: iso(firstSeenAt!), golden: showAll(golden.get(profileId)!) })));
    const homes = await db.query<{ subject: string; home: string }>('select subject, profile_id as home from subjects order by subject');
    expect(homes.map(({ subject: one, home }) => [one, home])).toEqual(people.flatMap(({ profileId, subjects: members }) => members.map((one) => [one, profileId])).sort(([a], [b]) => (a! < b! ? -1 : 1)));
    await expectSaid(people, homes);
    return people;
  }

  /** What was said folds to the same: the last record of every profile, and every subject where its largest decision put it. */
  async function expectSaid(people: Person[], homes: { subject: string; home: string }[]): Promise<void> {
    const rows = await db.query<{ payload: string }>(`select payload from outbox where topic = $1 order by id`, [streams.identityProfiles.topic]);
    const said = rows.flatMap(({ payload }) => payload.split('\n').filter((_, index) => index % 2 === 1)).map((line) => JSON.parse(line) as ProfileRecorded);
    const last = new Map<string, ProfileRecorded>();
    const held = new Map<string, { home: string; decision: number }>();
    for (const one of said) {
      if (Number(one.version) > Number(last.get(one.profileId)?.version ?? 0)) last.set(one.profileId, one);
      for (const member of one.subjects) if (Number(one.decision) > (held.get(member)?.decision ?? 0)) held.set(member, { home: one.profileId, decision: Number(one.decision) });
    }
    expect(new Set(said.map(({ profileId, version }) => `${profileId} ${version}`)).size).toBe(said.length);
    expect(byId([...last.values()].filter(({ subjects: members }) => members.length > 0).map(({ profileId, subjects: members, firstSeenAt, golden }) => ({ profileId, subjects: members, firstSeenAt: firstSeenAt!, golden })))).toEqual(people);
    expect(homes.map(({ subject: one }) => held.get(one)!.home)).toEqual(homes.map(({ home }) => home));
  }

  it('are the same in whatever order, chunks and partitions everything was heard, and the same as in one batch over all of it', () =>
    fc.assert(fc.asyncProperty(histories, fc.infiniteStream(fc.integer({ min: 1, max: 6 })), fc.infiniteStream(fc.nat(1_000)), async (history, sizes, dice) => {
      const all = history.observed.map(observed);
      const chunks = (facts: Observed[]): Doing[] => {
        const cut: Doing[] = [];
        for (let at = 0; at < facts.length;) {
          const size = sizes.next().value!;
          cut.push(chunk(facts.slice(at, at + size)));
          at += size;
        }
        return cut;
      };
      const shuffled = <T>(list: readonly T[]): T[] => list.map((one) => [dice.next().value!, one] as const).sort(([a], [b]) => a - b).map(([, one]) => one);
      const expected = batch(all, history.decided);

      expect(await hear([[...chunks(all), ...history.decided.map(decision)]])).toEqual(expected);
      const mixed = shuffled([...chunks(shuffled([...all, ...all.slice(0, 3)])), ...history.decided.map(decision)]);
      expect(await hear([0, 1, 2].map((lane) => mixed.filter((_, index) => index % 3 === lane)))).toEqual(expected);
    }), { numRuns: 60, interruptAfterTimeLimit: 240_000 }), 300_000);
});

async function untilDone(work: () => Promise<void>): Promise<void> {
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (!isTransient(error)) throw error;
    }
  }
}
