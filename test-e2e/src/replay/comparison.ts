import type { OrderCounts } from './digesting.js';
import type { Expected, ExpectedStock, Oracle } from './oracle.js';
import type { Tally } from './tally.js';

/** A profile as segmentation shows it. */
export type Profile = {
  readonly profileId: string;
  readonly subjects: readonly string[];
  readonly traits: { readonly orders: number; readonly firstOrderAt?: string; readonly lastOrderAt?: string; readonly money: readonly { readonly currency: string; readonly revenueMinor: number }[] };
};

/** One thing of one customer, or one count, that is not what plain SQL says. */
export type Difference = { readonly of: string; readonly what: string; readonly expected: unknown; readonly found: unknown };

const FIELDS = ['orders', 'revenueMinor', 'firstOrderAt', 'lastOrderAt'] as const;

/** Compares every customer with the profile that the customer's account belongs to. A customer too many, too few or shared is a difference too. */
export function compareCustomers(expected: readonly Expected[], profiles: Iterable<Profile>, source: string): Difference[] {
  const prefix = `${source}:account:`;
  const found = new Map<string, Profile>();
  const differences: Difference[] = [];
  for (const profile of profiles) {
    const ours = profile.subjects.filter((subject) => subject.startsWith(`${source}:`));
    if (ours.length > 1) differences.push({ of: ours[0]!.slice(prefix.length), what: 'alone in the profile', expected: 1, found: ours.length });
    for (const subject of ours) found.set(subject.startsWith(prefix) ? subject.slice(prefix.length) : subject, profile);
  }
  for (const one of expected) {
    const profile = found.get(one.customer);
    found.delete(one.customer);
    if (!profile) differences.push({ of: one.customer, what: 'profile', expected: 'one', found: 'none' });
    else differences.push(...compareTraits(one, profile.traits));
  }
  return [...differences, ...[...found.keys()].map((of): Difference => ({ of, what: 'profile', expected: 'none', found: 'one' }))];
}

function compareTraits(expected: Expected, traits: Profile['traits']): Difference[] {
  const foreign = traits.money.filter(({ currency }) => currency !== 'GBP').map(({ currency, revenueMinor }): Difference => ({ of: expected.customer, what: currency, expected: 'none', found: revenueMinor }));
  const found: Omit<Expected, 'customer'> = {
    orders: traits.orders, revenueMinor: traits.money.find(({ currency }) => currency === 'GBP')?.revenueMinor ?? 0,
    firstOrderAt: instant(traits.firstOrderAt), lastOrderAt: instant(traits.lastOrderAt),
  };
  return [...foreign, ...FIELDS.filter((field) => found[field] !== expected[field]).map((field): Difference => ({ of: expected.customer, what: field, expected: expected[field], found: found[field] }))];
}

/** Milliseconds, whether the API says milliseconds or RFC 3339. */
const instant = (at: string | undefined): number | null => (at === undefined ? null : new Date(at).getTime());

/** The orders and returns that the platform knows, and those of nobody, by name. */
export function compareCounts({ counts }: Oracle, found: OrderCounts): Difference[] {
  const expected: OrderCounts = { orders: counts.orders, unattributed: counts.ordersWithoutCustomer, returns: counts.returns, unattributedReturns: counts.returnsWithoutCustomer };
  return (Object.keys(expected) as (keyof OrderCounts)[]).filter((name) => found[name] !== expected[name])
    .map((name) => ({ of: 'the platform', what: name, expected: expected[name], found: found[name] }));
}

/** Compares the level of every stock code. One too many is a difference too. */
export function compareStock(expected: readonly ExpectedStock[], levels: Iterable<{ readonly sku: string; readonly onHand: number }>): Difference[] {
  const found = new Map([...levels].map(({ sku, onHand }) => [sku, onHand]));
  const differences = expected.filter(({ sku, onHand }) => found.get(sku) !== onHand).map(({ sku, onHand }): Difference => ({ of: sku, what: 'on hand', expected: onHand, found: found.get(sku) ?? 'nothing' }));
  for (const { sku } of expected) found.delete(sku);
  return [...differences, ...[...found].filter(([, onHand]) => onHand !== 0).map(([sku, onHand]): Difference => ({ of: sku, what: 'on hand', expected: 'nothing', found: onHand }))];
}

/** Whether what the sender accounted for by name is what SQL finds in the file. */
export function compareTally({ counts }: Oracle, tally: Tally): Difference[] {
  return (Object.keys(counts) as (keyof Oracle['counts'])[]).filter((name) => tally[name] !== counts[name])
    .map((name) => ({ of: 'the report', what: name, expected: counts[name], found: tally[name] }));
}
