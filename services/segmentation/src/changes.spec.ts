import { DAY } from '@yunke/kernel';
import { advance, diff } from './changes.js';
import { fold, type Entry } from './history.js';
import { evaluate } from './segment.js';
import { shipped } from './shipped.js';

const noon = Date.UTC(2026, 0, 10, 12);
const anOrder = (over: Partial<Entry> = {}): Entry =>
  ({ kind: 'order', id: 'shop:1', seq: 1, at: noon, minor: 10_000, currency: 'GBP', refunds: [], ...over });
const profile = (...entries: Entry[]) => fold([{ firstSeenAt: noon - DAY, entries }]);
const segments = shipped('GBP');
const once = profile(anOrder());
const atNoon = evaluate(segments, once, noon);
const told = ({ entered, left }: ReturnType<typeof diff>) => ({ in: entered.map(({ segment }) => segment), out: left.map(({ segment }) => segment) });

describe('what is said of a change', () => {
  it('is what was entered and what was left', () => {
    const before = evaluate(segments, profile(), noon).memberships;
    expect(told(diff(before, atNoon.memberships))).toEqual({ in: ['value.low', 'activity.new', 'lifecycle.first', 'rfm.new'], out: ['lifecycle.prospect'] });
  });

  it('is nothing when only the time since which it holds is another', () => {
    const earlier = evaluate(segments, profile(anOrder({ at: noon - 1 })), noon).memberships;
    expect(diff(earlier, atNoon.memberships)).toEqual({ entered: [], left: [] });
  });
});

describe('time alone', () => {
  it('changes nothing before its instant', () => {
    expect(advance(segments, once, atNoon, noon + 30 * DAY - 1)).toEqual({ transitions: [], standing: atNoon });
  });

  it('makes a silent customer at risk, dormant and lost, each at its millisecond', () => {
    const { transitions, standing } = advance(segments, once, atNoon, noon + 365 * DAY);
    expect(transitions.map(({ at, ...change }) => [(at - noon) / DAY, told(change)])).toEqual([
      [30, { in: ['activity.active', 'rfm.promising'], out: ['activity.new', 'rfm.new'] }],
      [90, { in: ['activity.at_risk', 'rfm.needs_attention'], out: ['activity.active', 'rfm.promising'] }],
      [180, { in: ['activity.dormant', 'rfm.hibernating'], out: ['activity.at_risk', 'rfm.needs_attention'] }],
      [365, { in: ['activity.lost', 'rfm.lost'], out: ['activity.dormant', 'rfm.hibernating'] }],
    ]);
    expect(standing).toMatchObject({ nextAt: undefined });
  });

  it('has passed before the event that ends it', () => {
    const late = noon + 200 * DAY;
    const { standing } = advance(segments, once, atNoon, late);
    const after = evaluate(segments, profile(anOrder(), anOrder({ id: 'shop:2', at: late, minor: 100 })), late);
    expect(told(diff(standing.memberships, after.memberships))).toMatchObject({ out: ['activity.dormant', 'lifecycle.first', 'rfm.hibernating'] });
  });

  it('does not run backwards for an event that comes late', () => {
    expect(advance(segments, once, atNoon, noon - DAY).transitions).toEqual([]);
  });
});
