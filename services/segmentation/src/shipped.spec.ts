import { DAY } from '@yunke/kernel';
import { fold, type Entry } from './history.js';
import { evaluate } from './segment.js';
import { FIXED_CUT_POINTS, RFM_BANDS, bandOf, cutPointsOf, rfmScores, shipped, type Buyer, type CutPoints } from './shipped.js';

const now = Date.UTC(2026, 0, 10, 12);
const ago = (days: number, over: Partial<Entry> = {}): Entry =>
  ({ kind: 'order', id: '', seq: 1, at: now - days * DAY, minor: 1_000, currency: 'GBP', refunds: [], ...over });
const profile = (...entries: Entry[]) => fold([{ firstSeenAt: now - 900 * DAY, entries: entries.map((entry, k) => ({ ...entry, id: `shop:${k}` })) }]);
const segments = shipped('GBP');
const namesAt = (at: number, ...entries: Entry[]) => evaluate(segments, profile(...entries), at).memberships.map(({ segment }) => segment);
const axis = (name: string, at: number, ...entries: Entry[]) => namesAt(at, ...entries).filter((segment) => segment.startsWith(`${name}.`)).join();
const SCORES = [1, 2, 3, 4, 5];

describe('value', () => {
  const large = (over: Partial<Entry> = {}) => ago(100, { minor: 100_000, ...over });

  it.each([
    [99_999, 'value.middle'], [100_000, 'value.high'], [20_000, 'value.middle'], [19_999, 'value.low'], [0, 'value.low'],
  ])('of %d minor units is %s', (minor, tier) => {
    expect(axis('value', now, ago(10, { minor }))).toBe(tier);
  });

  it('ignores other currencies than the base', () => expect(axis('value', now, ago(10, { minor: 500_000, currency: 'EUR' }))).toBe('value.low'));

  it('lasts thirty days when a refund takes it away, and then falls to what is left', () => {
    const refunded = large({ refunds: [{ at: now, minor: 50_000 }] });
    expect(axis('value', now + 30 * DAY - 1, refunded)).toBe('value.high');
    expect(axis('value', now + 30 * DAY, refunded)).toBe('value.middle');
  });

  it('lasts thirty days beyond the year in which the money was spent', () => {
    expect(axis('value', now + (365 - 100 + 30) * DAY - 1, large())).toBe('value.high');
    expect(axis('value', now + (365 - 100 + 30) * DAY, large())).toBe('value.low');
  });

  it('does not end and begin again when the next large order comes in time', () => {
    const both = evaluate(segments, profile(ago(400, { minor: 100_000 }), ago(10, { minor: 100_000 })), now);
    expect(both.memberships[0]).toMatchObject({ segment: 'value.high', since: now - 400 * DAY });
  });

  it('ends at once when no order counts any more', () => {
    expect(namesAt(now, large({ voidedAt: now }))).toEqual(['lifecycle.prospect']);
  });
});

describe('activity', () => {
  it.each([
    [0, 'new'], [30 * DAY - 1, 'new'], [30 * DAY, 'active'], [90 * DAY - 1, 'active'], [90 * DAY, 'at_risk'], [180 * DAY - 1, 'at_risk'],
    [180 * DAY, 'dormant'], [365 * DAY - 1, 'dormant'], [365 * DAY, 'lost'], [3_000 * DAY, 'lost'],
  ])('%d ms after the only order is %s', (age, name) => expect(axis('activity', now + age, ago(0))).toBe(`activity.${name}`));

  it('of a customer who comes back is active, not new', () => expect(axis('activity', now, ago(400), ago(1))).toBe('activity.active'));

  it('falls back to the order before when the last one is cancelled', () => {
    expect(axis('activity', now, ago(100), ago(10, { voidedAt: now }))).toBe('activity.at_risk');
  });
});

describe('lifecycle', () => {
  it.each([[0, 'prospect'], [1, 'first'], [2, 'repeat'], [4, 'repeat'], [5, 'loyal'], [9, 'loyal']])('after %d orders is %s', (count, name) => {
    expect(axis('lifecycle', now, ...Array.from({ length: count }, (_, k) => ago(k)))).toBe(`lifecycle.${name}`);
  });

  it('goes back a step when an order is cancelled', () => expect(axis('lifecycle', now, ago(9), ago(5, { voidedAt: now }))).toBe('lifecycle.first'));
});

describe('recency, frequency and money', () => {
  const DAYS = [400, 200, 100, 60, 10], COUNTS = [1, 2, 3, 5, 10], MINOR = [-1_000, 5_000, 20_000, 50_000, 100_000];
  const cells = SCORES.flatMap((recency) => SCORES.flatMap((frequency) => SCORES.map((monetary) => ({ recency, frequency, monetary }))));

  it('put each of the 125 combinations of scores into exactly one band, and every band is met', () => {
    const met = cells.map((scores) => {
      const orders = Array.from({ length: COUNTS[scores.frequency - 1]! }, () => ago(DAYS[scores.recency - 1]!, { minor: 0 }));
      const paid = MINOR[scores.monetary - 1]!;
      const history = [...orders, ago(DAYS[scores.recency - 1]!, { kind: paid < 0 ? 'return' : 'order', minor: Math.abs(paid) })].slice(paid < 0 ? 0 : 1);
      expect(rfmScores(profile(...history), FIXED_CUT_POINTS, 'GBP', now)).toEqual(scores);
      expect(axis('rfm', now, ...history)).toBe(`rfm.${bandOf(scores)}`);
      return bandOf(scores);
    });
    expect(new Set(met)).toEqual(new Set(RFM_BANDS.map(({ band }) => band)));
  });

  it.each([
    [5, 5, 5, 'champions'], [5, 4, 3, 'loyal'], [4, 3, 2, 'potential_loyalist'], [5, 2, 2, 'new'], [5, 1, 5, 'promising'], [4, 5, 1, 'promising'],
    [3, 5, 5, 'needs_attention'], [2, 4, 4, 'cannot_lose'], [2, 3, 1, 'at_risk'], [1, 1, 5, 'lost'], [1, 2, 1, 'hibernating'], [2, 1, 1, 'hibernating'],
  ])('of %d %d %d make the band %s', (recency, frequency, monetary, band) => expect(bandOf({ recency, frequency, monetary })).toBe(band));

  it('score nobody who has not bought', () => expect(rfmScores(profile(), FIXED_CUT_POINTS, 'GBP', now)).toBeUndefined());

  it('agree with the bands when cut points coincide', () => {
    const degenerate: CutPoints = { version: 1, buyers: 60, recencyDays: [90, 90, 30, 0], frequency: [2, 2, 2, 3], monetaryMinor: [0, 0, 1_000, 1_000] };
    const own = shipped('GBP', degenerate);
    for (const history of [[ago(10)], [ago(100)], [ago(0), ago(1)], [ago(40), ago(50), ago(60)]].map((orders) => profile(...orders))) {
      const bands = evaluate(own, history, now).memberships.map(({ segment }) => segment).filter((name) => name.startsWith('rfm.'));
      expect(bands).toEqual([`rfm.${bandOf(rfmScores(history, degenerate, 'GBP', now)!)}`]);
    }
  });
});

describe('the cut points of a shop', () => {
  const shop = (size: number, frequency = (k: number) => k + 1): Buyer[] =>
    Array.from({ length: size }, (_, k) => ({ recencyDays: k, frequency: frequency(k), monetaryMinor: 1_000 * (k + 1) }));
  const score = (cuts: readonly number[], value: number) => 1 + cuts.filter((cut) => value >= cut).length;

  it('are fixed while it has fewer than fifty buyers', () => {
    expect(cutPointsOf(shop(49), 7)).toEqual({ ...FIXED_CUT_POINTS, version: 7 });
  });

  it('divide the buyers into fifths', () => {
    const cuts = cutPointsOf(shop(100), 7);
    expect(cuts).toEqual({
      version: 7, buyers: 100, recencyDays: [80, 60, 40, 20], frequency: [21, 41, 61, 81], monetaryMinor: [21_000, 41_000, 61_000, 81_000],
    });
    expect(SCORES.map((wanted) => shop(100).filter((buyer) => score(cuts.frequency, buyer.frequency) === wanted).length)).toEqual([20, 20, 20, 20, 20]);
  });

  it('give equal buyers one score, the lower one', () => {
    const mostlyOnce = shop(100, (k) => (k < 70 ? 1 : k - 68));
    expect(cutPointsOf(mostlyOnce, 1).frequency).toEqual([2, 2, 2, 12]);
    expect(cutPointsOf(shop(60, () => 3), 1).frequency).toEqual([4, 4, 4, 4]);
    expect(cutPointsOf(shop(60).map((buyer) => ({ ...buyer, recencyDays: 5 })), 1).recencyDays).toEqual([5, 5, 5, 5]);
  });

  it('do not depend on the order of the buyers', () => expect(cutPointsOf(shop(77).toReversed(), 1)).toEqual(cutPointsOf(shop(77), 1)));
});
