import { DAY, HOUR, iso } from '@yunke/kernel';
import { fold, type Entry } from './history.js';
import { contains } from './intervals.js';
import { intervalsOf, textOf, valueSeen, type Leaf } from './leaf.js';

const noon = Date.UTC(2026, 0, 10, 12);
const anOrder = (over: Partial<Entry> = {}): Entry =>
  ({ kind: 'order', id: 'shop:1', seq: 1, at: noon, minor: 10_000, currency: 'GBP', refunds: [], ...over });
const profile = (...entries: Entry[]) => fold([{ entries: entries.map((entry, k) => ({ ...entry, id: `shop:${k}` })) }]);
const when = (leaf: Leaf, ...entries: Entry[]) => intervalsOf(leaf, profile(...entries));

describe('a leaf', () => {
  it.each<[string, Leaf]>([
    ['everyone', { leaf: 'everyone' }],
    ['orders.count >= 1', { leaf: 'hasOrdered' }],
    ['orders.count >= 1', { leaf: 'ordersAtLeast', count: 1 }],
    ['orders.count(30d) >= 2', { leaf: 'ordersAtLeast', count: 2, withinMs: 30 * DAY }],
    ['revenue.net(GBP) >= 5000', { leaf: 'netRevenueAtLeast', minor: 5_000, currency: 'GBP' }],
    ['revenue.net(GBP, 365d) >= 5000', { leaf: 'netRevenueAtLeast', minor: 5_000, currency: 'GBP', withinMs: 365 * DAY }],
    ['first_order.age < 30d', { leaf: 'firstOrderWithin', withinMs: 30 * DAY }],
    ['last_order.age < 3600000ms', { leaf: 'lastOrderWithin', withinMs: HOUR }],
    ['last_order.age < 30d', { leaf: 'lastOrderAgo', fromMs: 0, untilMs: 30 * DAY }],
    ['30d <= last_order.age < 90d', { leaf: 'lastOrderAgo', fromMs: 30 * DAY, untilMs: 90 * DAY }],
    ['90d <= last_order.age', { leaf: 'lastOrderAgo', fromMs: 90 * DAY }],
  ])('reads %s', (text, leaf) => expect(textOf(leaf)).toBe(text));

  it('shows the value that it sees', () => {
    const history = profile(anOrder(), anOrder({ at: noon + DAY, refunds: [{ at: noon + 2 * DAY, minor: 1_000 }] }));
    const seenAt = (leaf: Leaf, at: number) => valueSeen(leaf, history, at);
    expect(seenAt({ leaf: 'everyone' }, noon)).toBe('yes');
    expect(seenAt({ leaf: 'hasOrdered' }, noon + 3 * DAY)).toBe('2');
    expect(seenAt({ leaf: 'ordersAtLeast', count: 5, withinMs: DAY }, noon + DAY)).toBe('1');
    expect(seenAt({ leaf: 'netRevenueAtLeast', minor: 1, currency: 'GBP', withinMs: 2 * DAY }, noon + 2 * DAY)).toBe('9000');
    expect(seenAt({ leaf: 'netRevenueAtLeast', minor: 1, currency: 'EUR' }, noon)).toBe('0');
    expect(seenAt({ leaf: 'firstOrderWithin', withinMs: DAY }, noon + 2 * DAY)).toBe(iso(noon));
    expect(seenAt({ leaf: 'lastOrderAgo', fromMs: DAY }, noon + 2 * DAY)).toBe(iso(noon + DAY));
    expect(seenAt({ leaf: 'lastOrderWithin', withinMs: DAY }, noon - 1)).toBe('none');
  });
});

describe('how many orders', () => {
  it('count within a window from the millisecond of the order until exactly a window later', () => {
    const leaf: Leaf = { leaf: 'ordersAtLeast', count: 1, withinMs: 30 * DAY };
    const open = when(leaf, anOrder());
    expect([noon - 1, noon, noon + 30 * DAY - 1, noon + 30 * DAY].map((at) => contains(open, at))).toEqual([false, true, true, false]);
  });

  it('fall when the window leaves an order behind or an order is cancelled, whichever is first', () => {
    const two: Leaf = { leaf: 'ordersAtLeast', count: 2, withinMs: 30 * DAY };
    expect(when(two, anOrder(), anOrder({ at: noon + 10 * DAY }))).toEqual([noon + 10 * DAY, noon + 30 * DAY]);
    expect(when(two, anOrder(), anOrder({ at: noon + 10 * DAY, voidedAt: noon + 12 * DAY }))).toEqual([noon + 10 * DAY, noon + 12 * DAY]);
  });

  it('do not flicker when one order enters in the millisecond in which another leaves', () => {
    const leaf: Leaf = { leaf: 'ordersAtLeast', count: 1, withinMs: 30 * DAY };
    expect(when(leaf, anOrder(), anOrder({ at: noon + 30 * DAY }))).toEqual([noon, noon + 60 * DAY]);
  });

  it('do not see an order that was void when it was placed', () => {
    expect(when({ leaf: 'hasOrdered' }, anOrder({ voidedAt: noon - DAY }))).toEqual([]);
  });
});

describe('how much was bought', () => {
  const sum = (minor: number): Leaf => ({ leaf: 'netRevenueAtLeast', minor, currency: 'GBP', withinMs: 30 * DAY });

  it('falls by a refund and rises again when the refund leaves the window before the orders do', () => {
    const open = when(sum(10_000),
      anOrder({ minor: 2_000, refunds: [{ at: noon + DAY, minor: 2_000 }] }), anOrder({ at: noon + 20 * DAY, minor: 11_000 }));
    expect(open).toEqual([noon + 20 * DAY, noon + 30 * DAY, noon + 31 * DAY, noon + 50 * DAY]);
  });

  it('counts for exactly a window', () => {
    expect(when(sum(10_000), anOrder())).toEqual([noon, noon + 30 * DAY]);
  });

  it('does not flicker when one order enters in the millisecond in which another leaves', () => {
    expect(when(sum(10_000), anOrder(), anOrder({ at: noon + 30 * DAY }))).toEqual([noon, noon + 60 * DAY]);
    expect(when(sum(20_000), anOrder(), anOrder({ at: noon + 30 * DAY }))).toEqual([]);
  });

  it('is nothing before anything was bought', () => {
    expect(when(sum(0), anOrder({ refunds: [{ at: noon + DAY, minor: 20_000 }] }))).toEqual([-Infinity, noon + DAY, noon + 31 * DAY, Infinity]);
    expect(when(sum(0))).toEqual([-Infinity, Infinity]);
  });

  it('sees its own currency only', () => {
    expect(when(sum(10_000), anOrder({ currency: 'EUR' }), anOrder({ minor: 9_999 }))).toEqual([]);
  });
});

describe('how long ago the last order was', () => {
  const between: Leaf = { leaf: 'lastOrderAgo', fromMs: 30 * DAY, untilMs: 60 * DAY };

  it('begins anew with each order', () => {
    expect(when(between, anOrder(), anOrder({ at: noon + 40 * DAY }))).toEqual([noon + 30 * DAY, noon + 40 * DAY, noon + 70 * DAY, noon + 100 * DAY]);
  });

  it('is told from the order before once the last one is cancelled', () => {
    const cancelled = anOrder({ at: noon + 20 * DAY, voidedAt: noon + 35 * DAY });
    expect(when(between, anOrder(), cancelled)).toEqual([noon + 35 * DAY, noon + 60 * DAY]);
    expect(when({ leaf: 'lastOrderWithin', withinMs: 30 * DAY }, anOrder(), cancelled)).toEqual([noon, noon + 35 * DAY]);
  });

  it('is told from the first order that still counts', () => {
    const first: Leaf = { leaf: 'firstOrderWithin', withinMs: 30 * DAY };
    const open = when(first, anOrder({ voidedAt: noon + 40 * DAY }), anOrder({ at: noon + 20 * DAY }));
    expect(open).toEqual([noon, noon + 30 * DAY, noon + 40 * DAY, noon + 50 * DAY]);
  });

  it('is measured in milliseconds, so a change to summer time in between moves nothing', () => {
    const beforeTheChange = Date.parse('2026-03-28T12:00:00+01:00'); // Berlin; the clocks change in the night
    const open = when({ leaf: 'lastOrderWithin', withinMs: DAY }, anOrder({ at: beforeTheChange }));
    expect(open[1]).toBe(Date.parse('2026-03-29T13:00:00+02:00'));
  });
});
