import fc from 'fast-check';

import { DAY, HOUR } from '@yunke/kernel';

/**
 * What happened to some people, before it has names and dates: everything is told by numbers and by how long ago it was, so that
 * the same history can be written twice, for two populations that never meet.
 */
export type World = { readonly sights: readonly Sight[]; readonly orders: readonly Order[]; readonly returns: readonly Return[] };

/** Milliseconds before the instant at which the history is told. */
export type Ago = number;

/** Somebody was seen, or told about. `who` and `carries` are names of the cast. */
export type Sight = {
  readonly kind: 'customer' | 'page' | 'cart'; readonly who: Subject; readonly ago: Ago; readonly accepted: Accepted; readonly verified: boolean;
  readonly carries: readonly Carried[]; readonly fields: Fields;
};
export type Fields = { readonly name?: string; readonly city?: string; readonly email?: string; readonly phone?: string; readonly marketingConsent?: boolean };

/** `times`: the same again, weekly. `ranked`: its source counts versions; else event time decides. */
export type Order = {
  readonly source: Source; readonly ago: Ago; readonly times: number; readonly ranked: boolean; readonly currency?: string;
  readonly states: readonly OrderState[]; readonly shipments: readonly Shipment[]; readonly returns: readonly Return[];
};
/** `rank` is the source's version, `after` its event time: since the order was placed. `reached`: how many milestones it tells, skipping `skips`. */
export type OrderState = {
  readonly rank: number; readonly after: number; readonly accepted: Accepted; readonly verified: boolean; readonly who: Subject | 'contact' | 'nobody';
  readonly carries: readonly Carried[]; readonly lines: readonly Line[]; readonly reached: number; readonly skips: number; readonly cancelledAfter?: number;
  readonly totalMinor?: number; readonly shippingMinor?: number; readonly discountMinor?: number;
};
export type Line = { readonly id: string; readonly sku: string; readonly quantity: number; readonly minor: number };
export type Shipment = { readonly parcel: number; readonly rank: number; readonly after: number; readonly accepted: Accepted; readonly reached: number };
/** `at`: the order it points at by its place in the world, or none. A state without an amount means its lines. */
export type Return = { readonly source: Source; readonly ago: Ago; readonly ranked: boolean; readonly currency?: string; readonly states: readonly ReturnState[] };
export type ReturnState = {
  readonly rank: number; readonly after: number; readonly accepted: Accepted; readonly who: Subject | 'nobody'; readonly carries: readonly Carried[];
  readonly at: 'own' | 'other' | 'none'; readonly share?: number; readonly lines: readonly Line[]; readonly received: boolean; readonly refunded: boolean;
};

/** How long after the last thing that it tells an observation was accepted, or lately. */
export type Accepted = number | 'lately';

const SOURCES = ['shop', 'pos', 'app', 'web'] as const;
export type Source = (typeof SOURCES)[number];
const SUBJECTS = ['shop:account:1', 'shop:account:2', 'pos:account:1', 'app:account:1', 'web:account:1', 'web:anonymous:1', 'web:anonymous:2', 'app:anonymous:1'] as const;
const CROWD = ['shop:account:3', 'shop:account:4', 'pos:account:2', 'app:account:2', 'web:account:2', 'web:account:3', 'pos:account:3'] as const;
export type Subject = (typeof SUBJECTS)[number] | (typeof CROWD)[number];
/** Two phones and two addresses are enough to meet; `masked` and `nothing` must unite nobody. */
const CARRIED = ['phone:1', 'phone:1', 'phone:2', 'email:1', 'email:2', 'unionid:1', 'unionid:2', 'anonymous:1', 'anonymous:2', 'device:1', 'external:card:1', 'masked', 'nothing'] as const;
export type Carried = (typeof CARRIED)[number];

/** The hour is far from the instant of telling, so that no window of whole days ends while a test runs; days and milliseconds like to meet. */
const agos = fc.tuple(
  fc.oneof(fc.constantFrom(1, 29, 30, 31, 60, 61, 89, 90, 91, 120, 179, 180, 181, 364, 365, 366, 394, 395, 396), fc.integer({ min: 0, max: 480 })),
  fc.constantFrom(9, 9, 9, 6, 15, 20), fc.constantFrom(0, 0, 0, 0, 1, -1),
).map(([days, hours, off]): Ago => days * DAY + hours * HOUR + off);
const afters = fc.tuple(fc.constantFrom(0, 0, 1, 2, 5, 20, 30, 60), fc.constantFrom(0, 0, 1, 2)).map(([days, hours]) => days * DAY + hours * HOUR);
const accepted: fc.Arbitrary<Accepted> = fc.constantFrom<Accepted[]>(0, 1_000, 1_000, HOUR, 10 * HOUR, 6 * DAY, 40 * DAY, 'lately', 'lately');
const ranks = fc.integer({ min: 1, max: 4 });
const seldom = (one: number) => fc.integer({ min: 1, max: one }).map((n) => n === 1);
const amounts = fc.oneof(
  fc.constantFrom(0, 1, 4_999, 5_000, 19_999, 20_000, 30_000, 50_000, 99_999, 100_000, 150_000), fc.integer({ min: 0, max: 60_000 }));
const maybe = <T>(one: fc.Arbitrary<T>, freq = 2): fc.Arbitrary<T | undefined> => fc.option(one, { nil: undefined, freq });
const source = fc.constantFrom(...SOURCES);
const currency = fc.constantFrom('CNY', 'CNY', 'CNY', 'CNY', 'CNY', 'CNY', 'EUR', undefined);
const lines = fc.uniqueArray(fc.record({ id: fc.constantFrom('a', 'b', '1', '10'), sku: fc.constantFrom('tea', 'cup'), quantity: fc.integer({ min: 0, max: 3 }), minor: amounts }), { maxLength: 3, selector: ({ id }) => id });

const sightsOf = (cast: readonly Subject[], carried: readonly Carried[]): fc.Arbitrary<Sight> => fc.record({
  kind: fc.constantFrom<Sight['kind'][]>('customer', 'customer', 'page', 'cart'), who: fc.constantFrom(...cast), ago: agos, accepted, verified: seldom(6).map((no) => !no),
  carries: fc.subarray([...new Set(carried)], { maxLength: 2 }), fields: fieldsOf(carried),
});

const fieldsOf = (carried: readonly Carried[]): fc.Arbitrary<Fields> => defined(fc.record({
  name: maybe(fc.constantFrom('Ada', ' Ada ', 'Grace', 'A**', '')), city: maybe(fc.constantFrom('Hangzhou', 'London')),
  email: maybe(fc.constantFrom('1', '2').filter((n) => carried.includes(`email:${n}` as Carried)), 1), phone: maybe(fc.constantFrom('1', '2').filter((n) => carried.includes(`phone:${n}` as Carried)), 1),
  marketingConsent: maybe(fc.boolean(), 1),
}));

const orderStatesOf = (cast: readonly Subject[], carried: readonly Carried[]): fc.Arbitrary<OrderState> => defined(fc.record({
  rank: ranks, after: afters, accepted, verified: seldom(6).map((no) => !no), who: fc.oneof({ weight: 5, arbitrary: fc.constantFrom<OrderState['who'][]>(...cast) }, { weight: 1, arbitrary: fc.constantFrom<OrderState['who'][]>('contact', 'contact', 'nobody') }),
  carries: fc.subarray([...new Set(carried)], { maxLength: 1 }), lines, reached: fc.constantFrom(0, 1, 1, 1, 3, 7, 11), skips: fc.constantFrom(0, 0, 0, 1, 6),
  cancelledAfter: maybe(afters, 9), totalMinor: maybe(amounts, 1), shippingMinor: maybe(amounts, 5), discountMinor: maybe(amounts, 5),
}));

const returnStatesOf = (cast: readonly Subject[], carried: readonly Carried[], at: readonly ReturnState['at'][]): fc.Arbitrary<ReturnState> => defined(fc.record({
  rank: ranks, after: afters, accepted, who: fc.constantFrom<ReturnState['who'][]>(...cast, 'nobody'), carries: fc.subarray([...new Set(carried)], { maxLength: 1 }), at: fc.constantFrom(...at),
  share: maybe(fc.constantFrom(0, 0.1, 0.5, 1, 1.2), 3), lines, received: fc.boolean(), refunded: fc.constantFrom(true, true, true, false),
}));

const returnsOf = (cast: readonly Subject[], carried: readonly Carried[], at: readonly ReturnState['at'][]): fc.Arbitrary<Return> =>
  defined(fc.record({ source, ago: agos, ranked: fc.boolean(), currency, states: fc.array(returnStatesOf(cast, carried, at), { minLength: 1, maxLength: 3 }) }));

const ordersOf = (cast: readonly Subject[], carried: readonly Carried[]): fc.Arbitrary<Order> => defined(fc.record({
  source, ago: agos, times: fc.constantFrom(1, 1, 1, 1, 1, 5, 11), ranked: fc.boolean(), currency,
  states: fc.array(orderStatesOf(cast, carried), { minLength: 1, maxLength: 3 }),
  shipments: fc.oneof({ weight: 3, arbitrary: fc.constant<Shipment[]>([]) }, { weight: 1, arbitrary: fc.array(fc.record({ parcel: fc.integer({ min: 1, max: 2 }), rank: ranks, after: afters, accepted, reached: fc.integer({ min: 0, max: 4 }) }), { maxLength: 3 }) }),
  returns: fc.oneof({ weight: 2, arbitrary: fc.constant<Return[]>([]) }, { weight: 1, arbitrary: fc.array(returnsOf(cast, carried, ['own', 'own', 'own', 'none', 'other']), { minLength: 1, maxLength: 2 }) }),
}));

/** Every seventh world has an identifier that more accounts carry than any person has. */
const crowds = (freq: number): fc.Arbitrary<Sight[]> => seldom(freq).chain((isCrowd) => (isCrowd ? fc.tuple(...CROWD.map((who) => sightsOf([who], []).map((sight): Sight => ({ ...sight, carries: ['phone:1'] })))) : fc.constant<Sight[]>([])));

/** People who may share identifiers, and what they ordered and returned: what is in one world meets nothing of another. */
export const worlds: fc.Arbitrary<World> = fc.tuple(fc.subarray([...SUBJECTS], { minLength: 1, maxLength: 4 }), fc.subarray([...CARRIED], { maxLength: 4 })).chain(([cast, carried]) => fc.record({
  sights: fc.tuple(fc.array(sightsOf(cast, carried), { minLength: 1, maxLength: 5 }), crowds(7)).map((both) => both.flat()),
  orders: fc.array(ordersOf(cast, carried), { maxLength: 3 }),
  returns: fc.oneof({ weight: 3, arbitrary: fc.constant<Return[]>([]) }, { weight: 1, arbitrary: fc.array(returnsOf(cast, carried, ['none', 'none', 'other']), { maxLength: 2 }) }),
}));

/** Without the fields that are undefined: absent is what the contracts say for unknown. */
function defined<T extends object>(records: fc.Arbitrary<{ [K in keyof T]: T[K] }>): fc.Arbitrary<any> {
  return records.map((record) => Object.fromEntries(Object.entries(record).filter(([, value]) => value !== undefined)));
}
