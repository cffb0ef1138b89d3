import { DAY, iso } from '@yunke/kernel';
import { fold, type Entry } from './history.js';
import { evaluate, proofOf, timelineOf, type Rule, type Segment } from './segment.js';

const noon = Date.UTC(2026, 0, 10, 12);
const anOrder = (over: Partial<Entry> = {}): Entry =>
  ({ kind: 'order', id: 'shop:1', seq: 1, at: noon, minor: 10_000, currency: 'GBP', refunds: [], ...over });
const profile = (...entries: Entry[]) => fold([{ firstSeenAt: noon - DAY, entries: entries.map((entry, k) => ({ ...entry, id: `shop:${k}` })) }]);
const called = (rule: Rule, name = 'ours'): Segment[] => [{ name, rule }];
const recent: Rule = { leaf: 'lastOrderWithin', withinMs: 30 * DAY };
const ordered: Rule = { leaf: 'hasOrdered' };
const loyal: Rule = { leaf: 'ordersAtLeast', count: 5 };

describe('a customer is in a segment', () => {
  it('since the millisecond it became true, until the millisecond it ceases', () => {
    const [segments, history] = [called(recent), profile(anOrder())];
    expect(evaluate(segments, history, noon - 1)).toEqual({ memberships: [], nextAt: noon });
    expect(evaluate(segments, history, noon)).toMatchObject({ memberships: [{ segment: 'ours', since: noon }], nextAt: noon + 30 * DAY });
    expect(evaluate(segments, history, noon + 30 * DAY - 1).memberships).toHaveLength(1);
    expect(evaluate(segments, history, noon + 30 * DAY)).toEqual({ memberships: [], nextAt: undefined });
  });

  it('since it was first seen, when what holds is that nothing happened', () => {
    const segments = called({ not: ordered });
    expect(evaluate(segments, profile(anOrder()), noon - 2 * DAY)).toEqual({ memberships: [], nextAt: noon - DAY });
    expect(evaluate(segments, profile(anOrder()), noon - DAY)).toMatchObject({ memberships: [{ since: noon - DAY }], nextAt: noon });
    expect(evaluate(segments, profile(), noon)).toMatchObject({ memberships: [{ since: noon - DAY }], nextAt: undefined });
  });

  it('in none before anything was seen at all', () => {
    expect(evaluate(called({ leaf: 'everyone' }), fold([]), noon)).toEqual({ memberships: [], nextAt: undefined });
  });

  it('as long again as the hold says, and without a gap when the condition returns in time', () => {
    const segments = called({ hold: recent, forMs: 10 * DAY });
    expect(evaluate(segments, profile(anOrder()), noon + 40 * DAY - 1)).toMatchObject({ memberships: [{ since: noon }], nextAt: noon + 40 * DAY });
    const returning = (day: number) => evaluate(segments, profile(anOrder(), anOrder({ at: noon + day * DAY })), noon + 50 * DAY).memberships;
    expect(returning(40)).toMatchObject([{ since: noon }]);
    expect(returning(41)).toMatchObject([{ since: noon + 41 * DAY }]);
  });

  it('no longer in what an order brought once it is cancelled', () => {
    expect(evaluate(called(recent), profile(anOrder({ voidedAt: noon + DAY })), noon)).toMatchObject({ nextAt: noon + DAY });
  });

  it('always when all of nothing is asked, never when any of nothing is', () => {
    expect(evaluate([...called({ all: [] }, 'all'), ...called({ any: [] }, 'any')], profile(), noon).memberships).toMatchObject([{ segment: 'all' }]);
  });

  it('by rules whose equal parts are computed once', () => {
    const written: Rule[] = [
      { all: [ordered, { not: loyal }] }, { any: [loyal, { leaf: 'ordersAtLeast', count: 1 }] }, { all: [{ leaf: 'hasOrdered' }, { not: loyal }] },
    ];
    expect(timelineOf(written.flatMap((rule) => called(rule)), profile()).truth).toHaveLength(4);
  });
});

describe('why a customer is in a segment', () => {
  const why = (rule: Rule, history = profile(anOrder()), at = noon + DAY) => proofOf(rule, history, at);

  it('is shown by the value that each condition saw', () => {
    expect(why({ all: [recent, { not: loyal }] }, profile(anOrder()), noon).proof).toEqual([
      { leaf: 'last_order.age < 30d', holds: true, value: iso(noon) },
      { leaf: 'orders.count >= 5', holds: false, value: '1' },
    ]);
  });

  it('names one reason where one is enough', () => {
    expect(why({ any: [loyal, recent, ordered] }).proof.map(({ leaf }) => leaf)).toEqual(['last_order.age < 30d']);
    expect(why({ all: [ordered, loyal, recent] })).toMatchObject({ holds: false, proof: [{ leaf: 'orders.count >= 5', holds: false }] });
    expect(why({ all: [loyal, { not: ordered }] }).proof).toHaveLength(1);
    expect(why({ all: [recent, { not: ordered }] })).toMatchObject({ holds: false, proof: [{ leaf: 'orders.count >= 1', holds: true }] });
  });

  it('names each condition once', () => {
    expect(why({ all: [ordered, { any: [ordered, loyal] }, { not: { all: [loyal, ordered] } }] }).proof).toHaveLength(2);
  });

  it('says since when a segment was left', () => {
    expect(why(recent, profile(anOrder()), noon + 50 * DAY)).toMatchObject({ holds: false, since: noon + 30 * DAY });
    expect(why(loyal)).toMatchObject({ holds: false, since: noon - DAY });
  });

  it('says until when the condition was true that a hold prolongs', () => {
    const held: Rule = { hold: recent, forMs: 10 * DAY };
    expect(why(held).proof).toMatchObject([{ leaf: 'last_order.age < 30d', holds: true }]);
    expect(why(held, profile(anOrder()), noon + 35 * DAY)).toMatchObject({
      holds: true,
      proof: [{ leaf: '(last_order.age < 30d) held 10d', holds: true, value: iso(noon + 30 * DAY) }, { leaf: 'last_order.age < 30d', holds: false }],
    });
    expect(why(held, profile()).proof[0]).toMatchObject({ holds: false, value: 'none' });
  });

  it('spells out a composed condition that a hold prolongs', () => {
    const held: Rule = { hold: { any: [loyal, { all: [recent, { not: ordered }] }, { hold: loyal, forMs: DAY }] }, forMs: DAY };
    expect(why(held).proof[0]!.leaf).toBe(
      '(any (orders.count >= 5, all (last_order.age < 30d, not (orders.count >= 1)), (orders.count >= 5) held 1d)) held 1d');
  });
});
