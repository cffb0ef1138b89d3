import fc from 'fast-check';
import { ALWAYS, NEVER, and, contains, hold, nextBoundary, not, or, startOf, without, type Intervals } from './intervals.js';

const HOURS = Array.from({ length: 24 }, (_, hour) => hour);
const isTrue = (a: Intervals): boolean[] => HOURS.map((hour) => contains(a, hour));

/** Any boundaries, at most "since ever" and "for ever". */
const lists: fc.Arbitrary<Intervals> = fc.uniqueArray(fc.constantFrom(-Infinity, ...HOURS.slice(1, 20), Infinity), { maxLength: 8 })
  .map((boundaries) => boundaries.sort((a, b) => a - b)).map((boundaries) => (boundaries.length % 2 === 0 ? boundaries : boundaries.slice(1)));
const normal = (a: Intervals): boolean => a.length % 2 === 0 && a.every((boundary, k) => k === 0 || a[k - 1]! < boundary);

describe('the times at which something is true', () => {
  it('combine as the answers at each instant do, without intervals that touch', () => {
    fc.assert(fc.property(lists, lists, fc.nat(4), (a, b, forMs) => {
      const [x, y] = [isTrue(a), isTrue(b)];
      expect(isTrue(and(a, b))).toEqual(HOURS.map((hour) => x[hour]! && y[hour]!));
      expect(isTrue(or(a, b))).toEqual(HOURS.map((hour) => x[hour]! || y[hour]!));
      expect(isTrue(not(a))).toEqual(x.map((holds) => !holds));
      expect(isTrue(without(a, b))).toEqual(HOURS.map((hour) => x[hour]! && !y[hour]!));
      expect(isTrue(hold(a, forMs))).toEqual(HOURS.map((hour) => [0, 1, 2, 3, 4].some((ago) => ago <= forMs && contains(a, hour - ago))));
      expect([and(a, b), or(a, b), not(a), without(a, b), hold(a, forMs)].every(normal)).toBe(true);
    }), { numRuns: 2_000 });
  });

  it('begin with their first instant and end before their last', () => {
    const open: Intervals = [9, 12, 13, 18];
    expect([8, 9, 11, 12, 13, 17, 18].map((hour) => contains(open, hour))).toEqual([false, true, true, false, true, true, false]);
  });

  it('know since when the answer stands and when it changes', () => {
    const open: Intervals = [9, 12, 13, Infinity];
    expect([8, 9, 12, 20].map((hour) => startOf(open, hour))).toEqual([-Infinity, 9, 12, 13]);
    expect([8, 9, 12, 20].map((hour) => nextBoundary(open, hour))).toEqual([9, 12, 13, Infinity]);
  });

  it('are never and always each other’s opposite', () => {
    expect([not(NEVER), not(ALWAYS), nextBoundary(NEVER, 0), startOf(ALWAYS, 0)]).toEqual([ALWAYS, NEVER, Infinity, -Infinity]);
  });
});
