import fc from 'fast-check';

import { DAY, HOUR } from '@yunke/kernel';

/**
 * What happened to some people, before it has names and dates: all of it is told by numbers and by how long ago it was, so that
 * one history can be written for two populations that never meet. Two worlds share nothing.
 */
export type World = { readonly sights: readonly Sight[]; readonly orders: readonly Order[]; readonly returns: readonly Return[] };

/** Milliseconds before the instant at which the history is told. */
export type Ago = number;
/** How long after the last thing that it tells an observation was accepted, or just now. */
export type Accepted = number | 'lately';

/** Somebody was seen, or told about. */
export type Sight = {
  readonly kind: 'customer' | 'page' | 'cart'; readonly who: Subject; readonly ago: Ago; readonly accepted: Accepted; readonly verified: boolean;
  readonly carries: readonly Carried[]; readonly fields: Fields;
};
export type Fields = { readonly name?: string; readonly city?: string; readonly email?: '1' | '2'; readonly phone?: '1' | '2'; readonly marketingConsent?: boolean };

/** `times`: the same again, a week earlier each. `ranked`: its source counts versions; else event time decides. */
export type Order = {
  readonly source: Source; readonly ago: Ago; readonly times: number; readonly ranked: boolean; readonly currency?: string;
  readonly states: readonly OrderState[]; readonly shipments: readonly Shipment[]; readonly returns: readonly Return[];
};
/** `rank` is the source's version; `after` places the event time, since the order was placed. It tells the milestones from `skips` up to `reached`. */
export type OrderState = {
  readonly rank: number; readonly after: number; readonly accepted: Accepted; readonly verified: boolean; readonly who: Subject | 'contact' | 'nobody';
  readonly carries: readonly Carried[]; readonly lines: readonly Line[]; readonly skips: number; readonly reached: number; readonly cancelledAfter?: number;
  readonly totalMinor?: number; readonly shippingMinor?: number; readonly discountMinor?: number;
};
export type Line = { readonly id: string; readonly sku: string; readonly quantity: number; readonly minor: number };
export type Shipment = { readonly parcel: number; readonly rank: number; readonly after: number; readonly accepted: Accepted; readonly reached: number };

export type Return = { readonly source: Source; readonly ago: Ago; readonly ranked: boolean; readonly currency?: string; readonly states: readonly ReturnState[] };
/** `at`: which order it points at, if any. `share` of the order's worth went back; without it, what its lines say. */
export type ReturnState = {
  readonly rank: number; readonly after: number; readonly accepted: Accepted; readonly who: Subject | 'nobody'; readonly carries: readonly Carried[];
  readonly at: 'own' | 'other' | 'none'; readonly share?: number; readonly lines: readonly Line[]; readonly received: boolean; readonly refunded: boolean;
};

export type Source = 'shop' | 'pos' | 'app' | 'web';
export type Subject = `${Source}:${'account' | 'anonymous'}:${number}`;
const CAST: Subject[] = ['shop:account:1', 'shop:account:2', 'pos:account:1', 'app:account:1', 'web:account:1', 'web:anonymous:1', 'web:anonymous:2', 'app:anonymous:1'];
/** With these, more accounts carry one phone than may. */
const CROWD: Subject[] = ['shop:account:3', 'shop:account:4', 'pos:account:2', 'app:account:2', 'web:account:2', 'web:account:3', 'pos:account:3'];
const CARRIED = ['phone:1', 'phone:2', 'email:1', 'email:2', 'unionid:1', 'unionid:2', 'anonymous:1', 'anonymous:2', 'device:1', 'card:1', 'masked', 'nothing'] as const;
export type Carried = (typeof CARRIED)[number];

type People = { readonly cast: readonly Subject[]; readonly carried: readonly Carried[] };

/** One in so many. */
const seldom = (times: number): fc.Arbitrary<boolean> => fc.integer({ min: 1, max: times }).map((n) => n === times);
const maybe = <T>(one: fc.Arbitrary<T>, none: number): fc.Arbitrary<T | undefined> => fc.oneof({ weight: none, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: one });
const mostlyNone = <T>(some: fc.Arbitrary<T[]>, none: number): fc.Arbitrary<T[]> => fc.oneof({ weight: none, arbitrary: fc.constant<T[]>([]) }, { weight: 1, arbitrary: some });
const fewOf = (carried: readonly Carried[], most: number): fc.Arbitrary<Carried[]> => fc.subarray([...carried], { minLength: Math.min(most - 1, carried.length), maxLength: Math.min(most, carried.length) });
const mostly = seldom(6).map((no) => !no);

/** Days and milliseconds like to meet. The hour is far from the instant of telling: no window of whole days ends while a test runs. */
const agos = fc.tuple(
  fc.oneof(fc.constantFrom(1, 29, 30, 31, 60, 61, 89, 90, 91, 120, 179, 180, 181, 364, 365, 366, 394, 395, 396), fc.integer({ min: 0, max: 480 })),
  fc.constantFrom(9, 9, 9, 6, 15, 20), fc.constantFrom(0, 0, 0, 0, 1, -1),
).map(([days, hours, off]): Ago => days * DAY + hours * HOUR + off);
const afters = fc.tuple(fc.constantFrom(0, 0, 1, 2, 5, 20, 30, 60), fc.constantFrom(0, 0, 1, 2)).map(([days, hours]) => days * DAY + hours * HOUR);
const acceptances = fc.constantFrom<Accepted[]>(0, 1_000, 1_000, HOUR, 10 * HOUR, 6 * DAY, 40 * DAY, 'lately', 'lately');
const ranks = fc.integer({ min: 1, max: 4 });
const amounts = fc.oneof(fc.constantFrom(0, 1, 4_999, 5_000, 19_999, 20_000, 30_000, 50_000, 99_999, 100_000, 150_000), fc.integer({ min: 0, max: 60_000 }));
const currencies = fc.constantFrom('CNY', 'CNY', 'CNY', 'CNY', 'CNY', 'CNY', 'EUR', undefined);
const lines: fc.Arbitrary<Line[]> = fc.uniqueArray(
  fc.record({ id: fc.constantFrom('a', 'b', '1', '10'), sku: fc.constantFrom('tea', 'cup'), quantity: fc.integer({ min: 1, max: 3 }), minor: amounts }), { maxLength: 3, selector: ({ id }) => id });

/** Without the fields that are undefined: absent is what the contracts say for unknown. */
const told = <T>(records: fc.Arbitrary<object>): fc.Arbitrary<T> =>
  records.map((record) => Object.fromEntries(Object.entries(record).filter(([, value]) => value !== undefined)) as T);

const numbersOf = (carried: readonly Carried[], type: string): fc.Arbitrary<string | undefined> =>
  fc.constantFrom(undefined, ...carried.filter((one) => one.startsWith(type)).map((one) => one.slice(-1)));

const sights = ({ cast, carried }: People): fc.Arbitrary<Sight> => fc.record({
  kind: fc.constantFrom('customer' as const, 'customer' as const, 'page' as const, 'cart' as const), who: fc.constantFrom(...cast), ago: agos, accepted: acceptances, verified: mostly, carries: fewOf(carried, 2),
  fields: told<Fields>(fc.record({
    name: maybe(fc.constantFrom('Ada', ' Ada ', 'Grace', 'A**', ''), 1), city: maybe(fc.constantFrom('Hangzhou', 'London'), 1),
    email: numbersOf(carried, 'email'), phone: numbersOf(carried, 'phone'), marketingConsent: maybe(fc.boolean(), 1),
  })),
});

const orderStates = ({ cast, carried }: People): fc.Arbitrary<OrderState> => told(fc.record({
  rank: ranks, after: afters, accepted: acceptances, verified: mostly, carries: fewOf(carried, 1), lines,
  who: fc.oneof({ weight: 6, arbitrary: fc.constantFrom<OrderState['who'][]>(...cast) }, { weight: 1, arbitrary: fc.constantFrom<OrderState['who'][]>('contact', 'contact', 'nobody') }),
  skips: fc.constantFrom(0, 0, 0, 0, 1, 6), reached: fc.constantFrom(0, 1, 1, 1, 3, 7, 11), cancelledAfter: maybe(afters, 9),
  totalMinor: maybe(amounts, 1), shippingMinor: maybe(amounts, 5), discountMinor: maybe(amounts, 5),
}));

const shipments: fc.Arbitrary<Shipment> = fc.record({ parcel: fc.integer({ min: 1, max: 2 }), rank: ranks, after: afters, accepted: acceptances, reached: fc.integer({ min: 0, max: 4 }) });

const returnStates = ({ cast, carried }: People, at: readonly ReturnState['at'][]): fc.Arbitrary<ReturnState> => told(fc.record({
  rank: ranks, after: afters, accepted: acceptances, who: fc.constantFrom<ReturnState['who'][]>(...cast, 'nobody'), carries: fewOf(carried, 1), at: fc.constantFrom(...at),
  share: fc.constantFrom(0, 0.1, 0.5, 1, 1, 1.2, undefined), lines, received: fc.boolean(), refunded: fc.constantFrom(true, true, true, false),
}));

/** Whoever names a subject is that subject's source. */
const atSource = <T>(people: People, make: (source: Source, those: People) => fc.Arbitrary<T>): fc.Arbitrary<T> => fc.constantFrom(...people.cast).chain((one) => {
  const source = one.split(':')[0] as Source;
  return make(source, { ...people, cast: people.cast.filter((other) => other.startsWith(`${source}:`)) });
});

const returns = (source: Source, people: People, at: readonly ReturnState['at'][]): fc.Arbitrary<Return> =>
  told(fc.record({ source: fc.constant(source), ago: agos, ranked: fc.boolean(), currency: currencies, states: fc.array(returnStates(people, at), { minLength: 1, maxLength: 3 }) }));

const orders = (source: Source, people: People): fc.Arbitrary<Order> => told(fc.record({
  source: fc.constant(source), ago: agos, times: fc.constantFrom(1, 1, 1, 1, 1, 1, 1, 1, 1, 4, 11), ranked: fc.boolean(), currency: currencies,
  states: fc.array(orderStates(people), { minLength: 1, maxLength: 3 }),
  shipments: mostlyNone(fc.array(shipments, { minLength: 1, maxLength: 3 }), 3),
  returns: mostlyNone(fc.array(returns(source, people, ['own', 'own', 'own', 'none', 'other']), { minLength: 1, maxLength: 2 }), 2),
}));

const crowd: fc.Arbitrary<Sight[]> = seldom(16).chain((isCrowd) =>
  isCrowd ? fc.tuple(...CROWD.map((who) => sights({ cast: [who], carried: ['phone:1'] }).map((sight): Sight => ({ ...sight, carries: ['phone:1'] })))) : fc.constant([]));

/** The same with one thing less, in every way. */
export function smaller({ sights: seen, orders: ordered, returns: returned }: World): World[] {
  const within = <P extends object, K extends keyof P>(parts: readonly P[], key: K, least: (all: P[K]) => P[K][]): P[][] =>
    parts.flatMap((part, place) => least(part[key]).map((less) => parts.toSpliced(place, 1, { ...part, [key]: less })));
  const returnsLess = (all: readonly Return[]): (readonly Return[])[] => [...less(all), ...within(all, 'states', (states) => less(states).filter(({ length }) => length > 0))];
  const ordersLess = [...less(ordered), ...within(ordered, 'states', (states) => less(states).filter(({ length }) => length > 0)), ...within(ordered, 'shipments', less), ...within(ordered, 'returns', returnsLess),
    ...ordered.flatMap((order, place) => (order.times > 1 ? [ordered.toSpliced(place, 1, { ...order, times: order.times - 1 })] : []))];
  return [...less(seen).map((sights) => ({ sights, orders: ordered, returns: returned })), ...ordersLess.map((orders) => ({ sights: seen, orders, returns: returned })), ...returnsLess(returned).map((returns) => ({ sights: seen, orders: ordered, returns }))];
}

const less = <T>(all: readonly T[]): T[][] => all.map((_, place) => all.toSpliced(place, 1));

/** One identifier by which many meet, and a few others. */
const meetings: fc.Arbitrary<Carried[]> = fc.tuple(fc.constantFrom<Carried[]>('phone:1', 'email:1'), fc.subarray([...CARRIED], { maxLength: 2 })).map(([first, others]) => [...new Set([first, ...others])]);

/** One to four subjects that may turn out to be one person, what they ordered, and what came back. */
export const worlds: fc.Arbitrary<World> = fc.record({ cast: fc.subarray(CAST, { minLength: 1, maxLength: 4 }), carried: meetings }).chain((people) => fc.record({
  sights: fc.tuple(fc.array(sights(people), { minLength: 2, maxLength: 5 }), crowd).map((both) => both.flat()),
  orders: fc.array(atSource(people, orders), { minLength: 1, maxLength: 3 }),
  returns: mostlyNone(fc.array(atSource(people, (source, those) => returns(source, those, ['none', 'none', 'other'])), { minLength: 1, maxLength: 2 }), 3),
}));
