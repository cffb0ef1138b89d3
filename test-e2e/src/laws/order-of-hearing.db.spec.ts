import { readFileSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';

import fc from 'fast-check';

import { streams, type SegmentEntered } from '@yunke/contracts';
import { identity } from '@yunke/identity';
import { ingestion } from '@yunke/ingestion';
import { orders } from '@yunke/orders';
import { segmentation } from '@yunke/segmentation';
import { eventually, serviceUnderTest, type ServiceUnderTest } from '@yunke/testing';

import type { Expected } from './expected.js';
import { inTime, shuffled, type Order } from './hearing.js';
import { smaller, worlds, type World } from './histories.js';
import { unnamed, written, type Observation } from './observations.js';
import { oracle } from './oracle.js';
import { platformUnderTest, type PlatformUnderTest } from './platform-under-test.js';
import { stateOf } from './state.js';

const RUNS = Number(process.env['YUNKE_LAW_RUNS'] ?? 6);
const WORLDS_A_RUN = 50;

/** One history and one order in which it may be heard. */
const hearings = fc.noBias(fc.record({
  history: fc.array(worlds, { minLength: 1, maxLength: WORLDS_A_RUN, size: 'max' }),
  salt: fc.integer(), batches: fc.integer({ min: 2, max: 6 }), away: fc.constantFrom(undefined, undefined, 'identity' as const, 'orders' as const, 'segmentation' as const),
}));

type Disagreement = { readonly world: World; readonly observations: readonly Observation[]; readonly expected: Expected; readonly found: readonly Expected[] };

/** Without the names of those for whom it was written. */
const plain = (state: Expected): Expected => JSON.parse(unnamed(JSON.stringify(state))) as Expected;
const show = (observations: readonly Observation[]): string => observations.map(({ type, body }) => `${type} ${JSON.stringify(body)}`).join('\n');

describe('the state of all services', () => {
  let platform: PlatformUnderTest;
  let run = 0;
  const met: Expected[] = [];
  beforeAll(async () => { platform = await platformUnderTest([identity, orders, segmentation]); }, 60_000);
  afterAll(() => platform.stop(), 60_000);

  /** In batches, the first of which takes effect before any other; the second is sent twice. */
  async function hear(batches: readonly (readonly Observation[])[]): Promise<void> {
    for (const [place, batch] of batches.entries()) {
      const again = await platform.hear(batch);
      if (place === 0) await platform.quiet();
      if (place === 1) await again();
    }
  }

  /** Two populations live one history: one is heard as it was accepted; the other shuffled, with repetitions, perhaps with a service away. */
  async function disagreements(history: readonly World[], order: Order, all: Expected[] = []): Promise<Disagreement[]> {
    const base = Date.now();
    const [first, second] = [written(history, { run: ++run, base }), written(history, { run: ++run, base })];
    await platform.hear(inTime(first.flat()));
    const hearing = (): Promise<void> => hear(shuffled(second.flat(), order));
    await (order.away ? platform.without(order.away, hearing) : hearing());
    const now = await platform.quiet();
    const [inOrder, outOfOrder] = [await stateOf(platform, first), await stateOf(platform, second)];
    return written(history, { run: 0, base }).flatMap((observations, place) => {
      const [expected, ...found] = [oracle(observations, now), inOrder[place]!, outOfOrder[place]!].map(plain) as [Expected, Expected, Expected];
      all.push(expected);
      return found.every((one) => isDeepStrictEqual(one, expected)) ? [] : [{ world: history[place]!, observations, expected, found }];
    });
  }

  /** Fails with the smallest history that still disagrees: all histories with one thing less are heard at once, again and again. */
  async function law({ history, ...order }: Order & { history: World[] }): Promise<void> {
    let [wrong] = await disagreements(history, order, met);
    for (let less = wrong; less; [less] = await disagreements(smaller(less.world), order)) wrong = less;
    if (!wrong) return;
    const { observations, expected, found: [inOrder, outOfOrder] } = wrong;
    expect({ heard: show(observations), inOrder, outOfOrder }).toEqual({ heard: '', inOrder: expected, outOfOrder: expected });
  }

  it('does not depend on the order of hearing, and is what a batch over everything observed gives', () =>
    fc.assert(fc.asyncProperty(hearings, law), { numRuns: RUNS, endOnFailure: true }), 300_000);

  it('was that of people who bought, came as several, moved orders, cancelled and sent back', async () => {
    const people = met.flatMap((state) => Object.values(state.people));
    const all = met.flatMap((state) => Object.values(state.orders));
    const said = await platform.said(streams.identityChanges);
    const share = <T>(of: readonly T[], which: (one: T) => boolean): number => of.filter(which).length / of.length;
    const merged = new Set(said.flatMap(({ type, body }) => (type === 'ProfilesMerged' ? [body['profileId']] : [])));

    expect(share(people, ({ segments }) => !('lifecycle.prospect' in segments))).toBeGreaterThan(1 / 3);
    expect(merged.size / (2 * people.length)).toBeGreaterThan(1 / 5);
    expect(share(all, ({ status }) => status === 'cancelled')).toBeGreaterThan(1 / 50);
    expect(share(all, ({ refunds }) => refunds.length > 0)).toBeGreaterThan(1 / 50);
    expect(share(all, ({ formerSubjects }) => formerSubjects.length > 0)).toBeGreaterThan(1 / 50);
    expect(share(met, ({ returns }) => Object.keys(returns).length > 0)).toBeGreaterThan(1 / 50);
    expect(new Set(said.map(({ type }) => type))).toEqual(new Set(['ProfileCreated', 'ProfilesMerged', 'ProfileSplit']));
    expect([...new Set(people.flatMap(({ segments }) => Object.keys(segments)))]).toEqual(expect.arrayContaining(['activity.at_risk', 'activity.dormant', 'activity.lost', 'lifecycle.loyal', 'value.high', 'value.middle']));
  });

  it('is what the changes fold to, profile by profile, by seq without a gap', async () => {
    const standing = new Map<string, { seq: number; segments: Set<string> }>();
    for (const { type, body } of await platform.said(streams.segmentationChanges)) {
      const { profileId, segment, seq } = body as unknown as SegmentEntered;
      const held = standing.get(profileId) ?? { seq: 0, segments: new Set<string>() };
      if (Number(seq) !== held.seq + 1 || held.segments.has(segment) !== (type === 'SegmentLeft')) throw new Error(`${profileId}: ${type} ${segment} as ${seq} after ${held.seq}`);
      held.segments[type === 'SegmentLeft' ? 'delete' : 'add'](segment);
      standing.set(profileId, { seq: Number(seq), segments: held.segments });
    }
    const recorded = new Map((await platform.said(streams.segmentationMemberships)).map(({ body }) => [body['profileId'] as string, (body['memberships'] as { segment: string }[]).map(({ segment }) => segment)]));
    expect(recorded.size).toBeGreaterThan(0);
    for (const [profileId, segments] of recorded) expect([profileId, [...standing.get(profileId)?.segments ?? []].sort()]).toEqual([profileId, segments.sort()]);
  });
});

describe('the observations that the door says', () => {
  const keys = { shop: 'a-key-for-the-shop-of-24-or-more', pos: 'a-key-for-the-till-of-24-or-more', app: 'a-key-for-the-app-of-24-or-more', web: 'a-key-for-the-page-of-24-or-more' };
  const REFUSED = { type: 'OrderObserved', messageId: 'says-no-order' };
  let door: ServiceUnderTest;
  let run = 0;
  beforeAll(async () => { door = await serviceUnderTest(ingestion, { YUNKE_BOOTSTRAP_KEYS: Object.entries(keys).map(([source, key]) => `${source}:server:${key}:history`).join(',') }); }, 60_000);
  afterAll(() => door.stop(), 60_000);

  /** What a shop sends of an observation: all that the door does not say itself. */
  const sent = ({ type, body: { source: _, acceptedAt: __, verified: ___, history: ____, ...says } }: Observation): object => ({ type, ...says });

  async function send(batch: readonly Observation[]): Promise<void> {
    await Promise.all(Object.entries(keys).map(async ([source, key]) => {
      const observations = batch.filter(({ body }) => body.source === source).map(sent);
      if (observations.length === 0) return;
      const { payload } = await door.app.inject({ method: 'POST', url: '/v1/observations', headers: { authorization: `Bearer ${key}` }, payload: { observations: [...observations, REFUSED] } });
      const { results } = JSON.parse(payload) as { results: { status: string }[] };
      expect(results.filter(({ status }) => status === 'quarantined')).toMatchObject([{ messageId: REFUSED.messageId }]);
    }));
  }

  /** All that was said of a population, modulo when it was accepted. */
  async function said(population: number): Promise<string[]> {
    await eventually(async () => expect(await door.db.query('select from outbox')).toEqual([]));
    const all = await Promise.all([streams.customerObservations, streams.behaviourObservations, streams.orderObservations, streams.returnObservations].map((stream) => door.said(stream)));
    const name = `r${String(population).padStart(4, '0')}-w`;
    return all.flat().map(({ type, body: { acceptedAt: _, ...body } }) => JSON.stringify(sorted({ type, ...body }))).filter((text) => text.includes(name)).map(unnamed).sort();
  }

  const sorted = (body: object): object => Object.fromEntries(Object.entries(body).sort(([a], [b]) => (a < b ? -1 : 1)));

  it('are the same set in whatever order, batches and repetition they are sent', () =>
    fc.assert(fc.asyncProperty(hearings, async ({ history, ...order }) => {
      const base = Date.now();
      const [first, second] = [++run, ++run];
      await send(inTime(written(history, { run: first, base }).flat()));
      for (const batch of shuffled(written(history, { run: second, base }).flat(), order)) await send(batch);

      const expected = written(history, { run: 0, base }).flat().map((one) => JSON.stringify(sorted({ ...sent(one), source: one.body.source, verified: true, history: true }))).sort();
      expect(await said(first)).toEqual(expected);
      expect(await said(second)).toEqual(expected);
    }), { numRuns: 3, endOnFailure: true }), 120_000);
});

describe('the oracle', () => {
  it('shares no code with what it judges: it imports its own files, and types', () => {
    const oracles = ['oracle', 'order.oracle', 'person.oracle', 'segment.oracle', 'expected'];
    const imports = oracles.flatMap((name) => readFileSync(new URL(`${name}.ts`, import.meta.url), 'utf8').match(/^import .*$/gm) ?? []);

    expect(imports.length).toBeGreaterThan(5);
    expect(imports.filter((line) => !line.startsWith('import type ') && !/from '\.\/(order|person|segment)\.oracle\.js';$/.test(line))).toEqual([]);
  });
});
