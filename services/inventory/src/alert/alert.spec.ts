import fc from 'fast-check';

import { DAY } from '@yunke/kernel';

import { advise, coverDays, judge, reorderPoint, type AlertKind, type Sight } from './alert.js';
import { DEFAULT_RULE, ruleFor, type Threshold } from './threshold.js';

/** A brisk SKU with enough on hand, unless told otherwise. */
const sight = (say: Partial<Sight> = {}): Sight => ({ onHand: 100, available: 100, incoming: 0, meanDaily: 4, sigmaDaily: 2, isKnown: true, unitsInWindow: 112, ageDays: 60, isOversold: false, rule: DEFAULT_RULE, ...say });

describe('judging a level', () => {
  it('computes the reorder point from demand, lead time and service level, unless one was set', () => {
    expect(reorderPoint(sight())).toBe(Math.ceil(4 * 7 + 1.65 * 2 * Math.sqrt(7)));
    expect(reorderPoint(sight({ rule: { ...DEFAULT_RULE, serviceLevel: 99 } }))).toBe(Math.ceil(28 + 2.33 * 2 * Math.sqrt(7)));
    expect(reorderPoint(sight({ rule: { ...DEFAULT_RULE, reorderPoint: 5 } }))).toBe(5);
  });

  it('takes the quantile of past lead times where demand is intermittent, which the normal formula would undercover', () => {
    const daily = Array.from({ length: 28 }, (_, day) => (day % 14 === 0 ? 10 : 0)); // ten every other week
    const [mean, sigma] = [20 / 28, Math.sqrt((2 * (10 - 20 / 28) ** 2 + 26 * (20 / 28) ** 2) / 27)];
    const rare = (leadTimeDays: number, share = 1): Sight => sight({ meanDaily: mean * share, sigmaDaily: sigma * share, intermittent: { daily, share }, rule: { ...DEFAULT_RULE, leadTimeDays } });

    expect([1, 7, 14, 15, 28, 70].map((days) => reorderPoint(rare(days)))).toEqual([10, 10, 10, 20, 20, 50]);
    expect(reorderPoint(rare(7, 0.5))).toBe(5);
    expect(reorderPoint({ ...rare(7), rule: { ...DEFAULT_RULE, reorderPoint: 3 } })).toBe(3);
    expect(reorderPoint(sight({ meanDaily: mean, sigmaDaily: sigma, rule: { ...DEFAULT_RULE, leadTimeDays: 1 } }))).toBeLessThan(10);
  });

  it('covers as many past lead times as the service level asks for, and not with one unit less', () =>
    fc.assert(fc.property(fc.array(fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.integer({ min: 1, max: 40 }) }), { minLength: 1, maxLength: 28 }), fc.integer({ min: 1, max: 60 }), fc.constantFrom(95 as const, 97 as const, 99 as const), (daily, leadTimeDays, serviceLevel) => {
      const point = reorderPoint(sight({ intermittent: { daily, share: 1 }, rule: { ...DEFAULT_RULE, leadTimeDays, serviceLevel } }));
      const asked = daily.map((_, from) => Array.from({ length: leadTimeDays }, (__, day) => daily[(from + day) % daily.length]!).reduce((sum, units) => sum + units));
      const covers = (units: number): boolean => asked.filter((one) => one <= units).length * 100 >= serviceLevel * asked.length;
      expect([covers(point), covers(point - 1)]).toEqual([true, false]);
    }), { numRuns: 2_000 }));

  it('opens a shortage below the reorder point, goods on their way counted, and closes it only well above', () => {
    const at = (available: number, incoming = 0): Sight => sight({ available, incoming, rule: { ...DEFAULT_RULE, reorderPoint: 10 } });

    expect([judge(undefined, at(10)), judge(undefined, at(9)), judge(undefined, at(9, 1))]).toEqual([undefined, 'shortage', undefined]);
    expect([judge('shortage', at(10)), judge('shortage', at(11)), judge('shortage', at(12))]).toEqual(['shortage', 'shortage', undefined]);
  });

  it('calls it overstock when it lasts too long, is old and sells slowly, and nothing that nobody ever ordered', () => {
    const slow = sight({ available: 500, meanDaily: 1, unitsInWindow: 28 });

    expect(coverDays(sight({ meanDaily: 0 }))).toBe(Infinity);
    expect([judge(undefined, slow), judge(undefined, { ...slow, ageDays: 5 }), judge(undefined, { ...slow, unitsInWindow: 400 }), judge(undefined, { ...slow, isKnown: false })]).toEqual(['overstock', undefined, undefined, undefined]);
    expect([judge('overstock', { ...slow, available: 85 }), judge('overstock', { ...slow, available: 80 })]).toEqual(['overstock', undefined]);
  });

  it('advises how many to order by when, and what to sell off', () => {
    const now = 0;
    expect(advise(sight({ available: 57, sigmaDaily: 0 }), now)).toEqual({ kind: 'order', quantity: 28 + 120 - 57, actBy: 7 * DAY });
    expect(advise(sight({ available: 10 }), now)).toMatchObject({ kind: 'order', actBy: 0 });
    expect(advise(sight({ available: 500, meanDaily: 1, unitsInWindow: 28, sigmaDaily: 0 }), now)).toMatchObject({ kind: 'promote', quantity: 410 });
    expect(advise(sight({ available: 140 }), now)).toBeUndefined();
  });

  it('never flaps: what it says of a level it says again of the same level', () =>
    fc.assert(fc.property(fc.constantFrom<(AlertKind | undefined)[]>(undefined, 'shortage', 'overstock', 'oversold'), fc.integer({ min: -50, max: 900 }), fc.nat({ max: 40 }), fc.double({ min: 0, max: 9, noNaN: true }), (open, available, incoming, meanDaily) => {
      const seen = sight({ available, incoming, meanDaily, unitsInWindow: meanDaily * 28 });
      const first = judge(open, seen);
      expect(judge(first, seen)).toBe(first);
    }), { numRuns: 5_000 }));
});

describe('thresholds', () => {
  const says = (say: Partial<Threshold>): Threshold => ({ sku: '', category: '', warehouse: '', reorderPoint: null, leadTimeDays: null, serviceLevel: null, targetCoverDays: null, ...say });

  it('are taken field by field from the narrowest scope that says something', () => {
    const thresholds = [says({ sku: 'tea', leadTimeDays: 3 }), says({ leadTimeDays: 20, serviceLevel: 97 }), says({ category: 'drinks', leadTimeDays: 10, targetCoverDays: 30 }), says({ sku: 'tea', warehouse: 'east', reorderPoint: 8 }), says({ warehouse: 'west', reorderPoint: 99 })];

    expect(ruleFor(thresholds, { sku: 'tea', category: 'drinks', warehouse: 'east' })).toEqual({ reorderPoint: 8, leadTimeDays: 3, serviceLevel: 97, targetCoverDays: 30 });
    expect(ruleFor(thresholds, { sku: 'pot', category: '', warehouse: 'west' })).toEqual({ reorderPoint: 99, leadTimeDays: 20, serviceLevel: 97, targetCoverDays: 90 });
  });
});
