import { DAY } from '@yunke/kernel';
import { apply, fold, seen, traits, voidedAt, type Entry, type SubjectHistory } from './history.js';

const noon = Date.UTC(2026, 0, 10, 12);
const anOrder = (over: Partial<Entry> = {}): Entry =>
  ({ kind: 'order', id: 'shop:1', seq: 1, at: noon, minor: 10_000, currency: 'GBP', refunds: [], ...over });
const history = (...entries: Entry[]): SubjectHistory => entries.reduce(apply, { entries: [] });
const profile = (...entries: Entry[]) => fold([history(...entries)]);
const revenue = (entry: Entry, at: number) => traits(profile(entry), at).money[0]!.revenueMinor;

describe('what is kept of a subject', () => {
  it('is the newest state of each order, whatever arrives first', () => {
    const [placed, cancelled] = [anOrder(), anOrder({ seq: 2, voidedAt: noon + DAY })];
    expect(history(cancelled, placed)).toEqual(history(placed, cancelled));
    expect(history(placed, cancelled, placed, cancelled).entries).toEqual([cancelled]);
  });

  it('stays the same value when nothing new is heard', () => {
    const held = history(anOrder({ seq: 2 }));
    expect(apply(held, anOrder({ seq: 1 }))).toBe(held);
    expect(apply(held, anOrder({ seq: 2 }))).toBe(held);
  });

  it('lets no older state bring back an order that moved to another account', () => {
    const moved = history(anOrder({ seq: 3, gone: true }), anOrder({ seq: 2 }));
    expect(traits(fold([moved, history(anOrder({ seq: 3 }))]), noon).orders).toBe(1);
    expect(traits(fold([moved]), noon).orders).toBe(0);
  });

  it('takes an order back that returns to the account', () => {
    expect(traits(profile(anOrder({ seq: 3, gone: true }), anOrder({ seq: 5 })), noon).orders).toBe(1);
  });

  it('keeps a return apart from an order of the same number', () => {
    expect(history(anOrder(), anOrder({ kind: 'return' })).entries).toHaveLength(2);
  });

  it('stands in the order of time', () => {
    expect(history(anOrder({ id: 'b' }), anOrder({ id: 'c', at: noon - 1 }), anOrder({ id: 'a' })).entries.map(({ id }) => id)).toEqual(['c', 'a', 'b']);
  });

  it('begins with the earliest of what was seen and what was bought', () => {
    const visited = seen(seen({ entries: [] }, noon), noon + DAY);
    expect(fold([visited]).startedAt).toBe(noon);
    expect(fold([visited, history(anOrder({ at: noon - DAY }))]).startedAt).toBe(noon - DAY);
    expect(fold([{ entries: [] }]).startedAt).toBeUndefined();
  });
});

describe('the traits of a customer', () => {
  it('are those known at the instant, and not what came later', () => {
    const bought = profile(anOrder({ id: '1' }), anOrder({ id: '2', at: noon + 2 * DAY, minor: 5_001 }));
    expect(traits(bought, noon - 1)).toEqual({ orders: 0, money: [] });
    expect(traits(bought, noon + DAY)).toMatchObject({ orders: 1, recencyMs: DAY, money: [{ revenueMinor: 10_000, averageMinor: 10_000 }] });
    expect(traits(bought, noon + 2 * DAY)).toEqual({
      orders: 2, firstOrderAt: noon, lastOrderAt: noon + 2 * DAY, recencyMs: 0,
      money: [{ currency: 'GBP', orders: 2, revenueMinor: 15_001, averageMinor: 7_500 }],
    });
  });

  it('are the same for the accounts of one person as for one account', () => {
    const [one, two] = [anOrder({ id: '1' }), anOrder({ id: '2', at: noon + DAY })];
    expect(fold([history(one), history(two)])).toEqual(profile(one, two));
  });

  it('never add currencies', () => {
    const money = traits(profile(anOrder({ id: '1' }), anOrder({ id: '2', currency: 'EUR', minor: 300 })), noon).money;
    expect(money.map(({ currency, revenueMinor }) => [currency, revenueMinor])).toEqual([['EUR', 300], ['GBP', 10_000]]);
  });

  it('count an order until the millisecond of its cancellation', () => {
    const cancelled = profile(anOrder({ voidedAt: noon + DAY }));
    expect(traits(cancelled, noon + DAY - 1).orders).toBe(1);
    expect(traits(cancelled, noon + DAY)).toEqual({ orders: 0, money: [{ currency: 'GBP', orders: 0, revenueMinor: 0 }] });
  });

  it('name the order before when the last one is cancelled, and the next when the first is', () => {
    const three = [
      anOrder({ id: '1', voidedAt: noon + 9 * DAY }), anOrder({ id: '2', at: noon + DAY }), anOrder({ id: '3', at: noon + 2 * DAY, voidedAt: noon + 5 * DAY }),
    ];
    expect(traits(profile(...three), noon + 4 * DAY)).toMatchObject({ firstOrderAt: noon, lastOrderAt: noon + 2 * DAY });
    expect(traits(profile(...three), noon + 5 * DAY)).toMatchObject({ firstOrderAt: noon, lastOrderAt: noon + DAY });
    expect(traits(profile(...three), noon + 9 * DAY)).toMatchObject({ firstOrderAt: noon + DAY, lastOrderAt: noon + DAY });
  });
});

describe('net revenue', () => {
  const partly = [{ at: noon + DAY, minor: 4_000 }];

  it('falls when money goes back, and to nothing when the rest is cancelled', () => {
    const order = anOrder({ refunds: partly, voidedAt: noon + 3 * DAY });
    expect([0, 1, 2, 3].map((day) => revenue(order, noon + day * DAY))).toEqual([10_000, 6_000, 6_000, 0]);
  });

  it('does not lose the same money twice when the refund follows the cancellation', () => {
    const order = anOrder({ voidedAt: noon + DAY, refunds: [{ at: noon + 3 * DAY, minor: 10_000 }] });
    expect([0, 1, 3].map((day) => revenue(order, noon + day * DAY))).toEqual([10_000, 0, 0]);
  });

  it('falls below nothing when more goes back than was paid', () => {
    expect(revenue(anOrder({ voidedAt: noon + DAY, refunds: [{ at: noon + DAY, minor: 12_000 }] }), noon + DAY)).toBe(-2_000);
  });

  it('is lowered by a return that names no order, which is no order itself', () => {
    const known = traits(profile(anOrder(), anOrder({ kind: 'return', id: 'r', at: noon + DAY, minor: 2_500 })), noon + DAY);
    expect(known).toMatchObject({ orders: 1, money: [{ revenueMinor: 7_500 }] });
  });

  it('knows no refund before its order, though a clock said so', () => {
    const order = anOrder({ refunds: [{ at: noon - DAY, minor: 4_000 }] });
    expect(traits(profile(order), noon - 1).money).toEqual([]);
    expect(revenue(order, noon)).toBe(6_000);
  });

  it('rounds an average half to even', () => {
    const average = (...minors: number[]) => traits(profile(...minors.map((minor, k) => anOrder({ id: `${k}`, minor }))), noon).money[0]!.averageMinor;
    expect([average(1, 2), average(2, 3), average(1, 1, 2)]).toEqual([2, 2, 1]);
  });
});

describe('an order is void', () => {
  const [half, rest] = [{ at: noon + 2 * DAY, minor: 5_000 }, { at: noon + DAY, minor: 5_000 }];

  it.each([
    ['never, while part of its money stays', 10_000, [half], undefined, undefined],
    ['when its refunds reach its total, in the order of time', 10_000, [half, rest], undefined, noon + 2 * DAY],
    ['when it is cancelled', 10_000, [half], noon + 3 * DAY, noon + 3 * DAY],
    ['at the earlier of both', 10_000, [half, rest], noon, noon],
    ['never, when it was free', 0, [{ at: noon, minor: 0 }], undefined, undefined],
  ])('%s', (_, minor, refunds, cancelledAt, expected) => {
    expect(voidedAt(minor, refunds, cancelledAt)).toBe(expected);
  });
});
