import { createHash } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';

import fc from 'fast-check';

import { identity } from '@yunke/identity';
import { orders } from '@yunke/orders';
import { segmentation } from '@yunke/segmentation';

import type { Expected } from './expected.js';
import { smaller, worlds, type World } from './histories.js';
import { unnamed, written, type Observation } from './observations.js';
import { oracle } from './oracle.js';
import { platformUnderTest, type PlatformUnderTest } from './platform-under-test.js';
import { stateOf } from './state.js';

const RUNS = Number(process.env['LAW_RUNS'] ?? 10);
const WORLDS_A_RUN = 60;

/** One history and one order in which it may be heard, in so many batches. */
const hearings = fc.noBias(fc.record({ history: fc.array(worlds, { minLength: 1, maxLength: WORLDS_A_RUN, size: 'max' }), salt: fc.integer(), batches: fc.integer({ min: 2, max: 6 }) }));

type Order = { readonly salt: number; readonly batches: number };
type Disagreement = { readonly world: World; readonly observations: readonly Observation[]; readonly expected: Expected; readonly found: readonly Expected[] };

/** As ingestion says them: in the order in which they were accepted. */
const inTime = (observations: readonly Observation[]): Observation[] => observations.toSorted((a, b) => (a.body.acceptedAt < b.body.acceptedAt ? -1 : a.body.acceptedAt > b.body.acceptedAt ? 1 : 0));

/** Every observation at least once, some twice, in an order that has nothing to do with time. */
function shuffled(observations: readonly Observation[], salt: number, batches: number): Observation[][] {
  const dice = (one: Observation, copy: number): number => createHash('sha1').update(`${salt}|${copy}|${unnamed(JSON.stringify({ ...one.body, messageId: '' })).replace(/-w\d\d/g, '')}`).digest().readUInt32BE();
  const copies = observations.flatMap((one) => [{ one, at: dice(one, 0) }, ...(dice(one, 1) % 4 === 0 ? [{ one, at: dice(one, 2) }] : [])]).sort((a, b) => a.at - b.at).map(({ one }) => one);
  return Array.from({ length: batches }, (_, k) => copies.slice(Math.floor((k * copies.length) / batches), Math.floor(((k + 1) * copies.length) / batches)));
}

describe('the state of all services', () => {
  let platform: PlatformUnderTest;
  let run = 0;
  beforeAll(async () => { platform = await platformUnderTest([identity, orders, segmentation]); }, 60_000);
  afterAll(() => platform.stop(), 60_000);

  /** Two populations live one history: one is heard as it was accepted, the other shuffled, with repetitions, in batches of which one is sent twice. */
  async function disagreements(history: readonly World[], { salt, batches }: Order): Promise<Disagreement[]> {
    const base = Date.now(); const base0=performance.now();
    const [first, second] = [written(history, { run: ++run, base }), written(history, { run: ++run, base })];
    await platform.hear(inTime(first.flat()));
    for (const [place, batch] of shuffled(second.flat(), salt, batches).entries()) {
      const again = await platform.hear(batch);
      if (place === 0) await platform.quiet();
      if (place === 1) await again();
    }
    const t1=performance.now(); const now = await platform.quiet(); const t2=performance.now();
    const [inOrder, outOfOrder] = [await stateOf(platform, first), await stateOf(platform, second)];
    console.log('TIMES', first.flat().length, history.length, 'hear', t1-base0, 'quiet', t2-t1, 'state', performance.now()-t2);
    return written(history, { run: 0, base }).flatMap((observations, place) => {
      const [expected, ...found] = [oracle(observations, now), inOrder[place]!, outOfOrder[place]!].map(plain) as [Expected, Expected, Expected];
      return found.every((one) => isDeepStrictEqual(one, expected)) ? [] : [{ world: history[place]!, observations, expected, found }];
    });
  }

  /** Fails with the smallest history that still disagrees: all histories with one thing less are heard at once, again and again. */
  async function law({ history, ...order }: Order & { history: World[] }): Promise<void> {
    let [wrong] = await disagreements(history, order);
    for (let less = wrong; less; [less] = await disagreements(smaller(less.world), order)) wrong = less;
    if (!wrong) return;
    const { observations, expected, found: [inOrder, outOfOrder] } = wrong;
    console.error(observations.map(({ type, body }) => `${type} ${JSON.stringify(body)}`).join('\n'));
    expect({ inOrder, outOfOrder }).toEqual({ inOrder: expected, outOfOrder: expected });
  }

  it('does not depend on the order of hearing, and is what a batch over everything observed gives', () =>
    fc.assert(fc.asyncProperty(hearings, law), { numRuns: RUNS, endOnFailure: true }), 240_000);
});

/** Without the names of those for whom it was written. */
const plain = (state: Expected): Expected => JSON.parse(unnamed(JSON.stringify(state))) as Expected;
