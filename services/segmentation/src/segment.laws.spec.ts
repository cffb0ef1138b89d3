import { DAY, type Millis } from '@yunke/kernel';
import fc from 'fast-check';
import { advance, type Standing, type Transition } from './changes.js';
import { apply, fold, seen, type Entry, type ProfileHistory, type SubjectHistory } from './history.js';
import { evaluate, evaluateAt, timelineOf, type Held, type Rule, type Segment } from './segment.js';
import { FIXED_CUT_POINTS, shipped } from './shipped.js';

const BASE = 'GBP';
const RUNS = 1_000;
const AXES = ['value.', 'activity.', 'lifecycle.', 'rfm.'];
const TELLING = ['value.high', 'value.middle', 'activity.at_risk', 'activity.dormant', 'activity.lost'];

// Histories as they are heard: several states of each order, at several subjects, in any order, some of them twice.

type Heard = { subject: string; entry: Entry };
type Scenario = { heard: Heard[]; firstSeenAt: Record<string, Millis>; own: Rule[]; instants: Millis[] };

const MEMBERS = ['web:account:1', 'pos:account:1', 'app:anonymous:1'];
const STRANGER = 'web:account:2';
const START = Date.UTC(2025, 2, 1, 12);
const WINDOWS = [7, 30, 90, 180, 365];
const HOLDS = [10, 30];

const days = (...values: number[]) => fc.constantFrom(...values.map((value) => value * DAY));
/** Instants that like to meet: in one millisecond, or exactly a window apart. */
const instants = fc.oneof(
  { weight: 2, arbitrary: fc.integer({ min: 0, max: 800 * DAY }) },
  { weight: 3, arbitrary: fc.tuple(days(0, 1, 30, 60, 90, 180, 270, 365, 395, 545), fc.constantFrom(-1, 0, 0, 0, 1)).map(([at, off]) => at + off) },
).map((offset) => START + offset);
const amounts = fc.oneof(
  fc.constantFrom(0, 1, 4_999, 5_000, 19_999, 20_000, 50_000, 79_999, 80_000, 99_999, 100_000, 150_000),
  fc.integer({ min: 0, max: 120_000 }),
);
const delays = fc.oneof(days(0, 7, 30, 365), fc.integer({ min: -DAY, max: 60 * DAY }));
type PaidBack = { delay: Millis; share: number }[];
const refunds: fc.Arbitrary<PaidBack> = fc.array(fc.record({ delay: delays, share: fc.constantFrom(0.1, 0.5, 1, 1.2) }), { maxLength: 3 });

const orders = fc.record({
  at: instants, minor: amounts, firstMinor: amounts, currency: fc.constantFrom(BASE, BASE, BASE, 'EUR'),
  kind: fc.constantFrom<Entry['kind'][]>('order', 'order', 'order', 'order', 'order', 'return'),
  refunds: fc.oneof({ weight: 3, arbitrary: fc.constant<PaidBack>([]) }, { weight: 2, arbitrary: refunds }),
  voidedAfter: fc.oneof({ weight: 3, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: delays }),
  times: fc.constantFrom(1, 1, 5),
  from: fc.constantFrom(...MEMBERS), to: fc.constantFrom(undefined, undefined, ...MEMBERS, STRANGER),
});
type Order = typeof orders extends fc.Arbitrary<infer T> ? T : never;

/** Some customers order the same again, weekly. */
const weekly = (order: Order): Order[] => Array.from({ length: order.times }, (_, week) => ({ ...order, at: order.at + week * 7 * DAY }));

/** What is heard of one order: as placed; then perhaps at another subject, and so gone at the first; then as it ended. */
function statesOf({ at, kind, currency, minor, from, to = from, ...order }: Order, index: number): Heard[] {
  const placed: Entry = { kind, id: `o${index}`, seq: 1, at, minor: order.firstMinor, currency, refunds: [] };
  const paidBack = order.refunds.map(({ delay, share }) => ({ at: at + delay, minor: Math.floor(minor * share) }));
  const ended: Entry = { ...placed, seq: 3, minor, refunds: paidBack, ...(order.voidedAfter !== undefined && { voidedAt: at + order.voidedAfter }) };
  const later = [{ ...placed, seq: 2 }, ended].flatMap((entry): Heard[] =>
    [{ subject: to, entry }, ...(to === from ? [] : [{ subject: from, entry: { ...entry, gone: true as const } }])]);
  return [{ subject: from, entry: placed }, ...later];
}

const leaves: fc.Arbitrary<Rule> = fc.oneof(
  fc.constantFrom<Rule[]>({ leaf: 'everyone' }, { leaf: 'hasOrdered' }),
  fc.record({ leaf: fc.constant('ordersAtLeast' as const), count: fc.integer({ min: 0, max: 4 }) }),
  fc.record({ leaf: fc.constant('ordersAtLeast' as const), count: fc.integer({ min: 0, max: 4 }), withinMs: days(...WINDOWS) }),
  fc.record({
    leaf: fc.constant('netRevenueAtLeast' as const), minor: fc.constantFrom(-20_000, 0, 1, 20_000, 100_000),
    currency: fc.constantFrom(BASE, 'EUR', 'JPY'), withinMs: days(...WINDOWS),
  }),
  fc.record({ leaf: fc.constantFrom('firstOrderWithin' as const, 'lastOrderWithin' as const), withinMs: days(...WINDOWS) }),
  fc.record({ leaf: fc.constant('lastOrderAgo' as const), fromMs: days(0, 7, 90), untilMs: days(...WINDOWS) }),
);
const prolonged = (rule: fc.Arbitrary<Rule>) => fc.record({ hold: rule, forMs: days(...HOLDS) });
const negated = (rule: fc.Arbitrary<Rule>) => fc.record({ not: rule });
const plain = fc.oneof(
  leaves,
  fc.record({ all: fc.array(fc.oneof(leaves, negated(leaves)), { maxLength: 3 }) }),
  fc.record({ any: fc.array(leaves, { maxLength: 3 }) }),
);
const mixed = fc.tuple(fc.oneof(prolonged(leaves), negated(prolonged(leaves))), plain);
const rules = fc.oneof(plain, prolonged(plain), fc.record({ any: mixed }), fc.record({ all: mixed }));

const scenarios: fc.Arbitrary<Scenario> = fc.record({
  placed: fc.array(orders, { maxLength: 6 }), seenAt: fc.option(instants, { freq: 3, nil: undefined }),
  own: fc.array(rules, { minLength: 2, maxLength: 2 }), at: fc.array(instants, { minLength: 6, maxLength: 6 }),
}).map(({ placed, seenAt, own, at }) => ({
  heard: [...placed.slice(0, 1).flatMap(weekly), ...placed.slice(1)].flatMap(statesOf), firstSeenAt: seenAt === undefined ? {} : { [MEMBERS[0]!]: seenAt }, own,
  instants: at.flatMap((t) => [t, t + 60 * DAY, t + 410 * DAY]),
}));

const SHIPPED = shipped(BASE, { ...FIXED_CUT_POINTS, frequency: [2, 3, 5, 7] });
const segmentsOf = ({ own }: Scenario): Segment[] => [...SHIPPED, ...own.map((rule, k) => ({ name: `own.${k}`, rule }))];

function historiesOf({ heard, firstSeenAt }: Scenario): SubjectHistory[] {
  return MEMBERS.map((member) => {
    const known = firstSeenAt[member];
    const unheard: SubjectHistory = known === undefined ? { entries: [] } : seen({ entries: [] }, known);
    return heard.reduce((history, { subject, entry }) => (subject === member ? apply(history, entry) : history), unheard);
  });
}
const profileOf = (scenario: Scenario): ProfileHistory => fold(historiesOf(scenario));

// The oracle: what is true at one instant, straight from the entries by definition; no intervals, nothing shared with the rules.

class Oracle {
  readonly entries: (Entry & { ends: Millis })[] = [];
  readonly start: Millis;
  /** Every instant at which something may change: what happened, windows later, and holds after that. */
  readonly candidates: Millis[];
  readonly #truths = new Map<Millis, string[]>();
  readonly #lasts = new Map<Rule | number, Map<Millis, boolean>>();

  constructor(readonly scenario: Scenario) {
    const newest = new Map<string, Entry>();
    for (const { subject, entry } of scenario.heard) {
      const key = `${subject} ${entry.kind} ${entry.id}`;
      if (MEMBERS.includes(subject) && (newest.get(key)?.seq ?? 0) < entry.seq) newest.set(key, entry);
    }
    for (const entry of newest.values()) if (!entry.gone) this.entries.push({ ...entry, ends: Math.max(entry.at, entry.voidedAt ?? Infinity) });
    this.start = Math.min(...Object.values(scenario.firstSeenAt), ...this.entries.map((entry) => entry.at));
    const happened = this.entries.flatMap((entry) => [entry.at, entry.ends, ...entry.refunds.map((refund) => Math.max(refund.at, entry.at))]);
    const shifts = [0, ...HOLDS].flatMap((hold) => [0, ...WINDOWS].map((window) => (hold + window) * DAY));
    const all = [this.start, ...[...new Set(happened)].flatMap((at) => shifts.map((shift) => at + shift))];
    this.candidates = [...new Set(all)].filter(Number.isFinite).sort((a, b) => a - b);
  }

  /** The names of the segments that hold at an instant. */
  truth(at: Millis): string[] {
    if (at < this.start) return [];
    const known = this.#truths.get(at) ?? [...this.#shipped(at), ...this.scenario.own.flatMap((rule, k) => (this.#holds(rule, at) ? [`own.${k}`] : []))];
    this.#truths.set(at, known);
    return known;
  }

  same = (a: Millis, b: Millis): boolean => this.truth(a).join() === this.truth(b).join();

  since(segment: string, at: Millis): Millis {
    let k = this.candidates.findLastIndex((earlier) => earlier <= at);
    while (k > 0 && this.truth(this.candidates[k - 1]!).includes(segment)) k--;
    return this.candidates[k]!;
  }

  flipAfter = (at: Millis): Millis | undefined => this.candidates.find((later) => later > at && !this.same(later, at));

  #orders(at: Millis, within = Infinity): Millis[] {
    const counting = this.entries.filter((entry) => entry.kind === 'order' && entry.at <= at && entry.at > at - within && at < entry.ends);
    return counting.map((entry) => entry.at);
  }

  #net(currency: string, at: Millis, within = Infinity): number {
    let sum = 0;
    for (const entry of this.entries) if (entry.currency === currency) sum += worth(entry, at) - worth(entry, at - within);
    return sum;
  }

  /** True at an instant, or at some millisecond of the time before. */
  #lasting(name: Rule | number, at: Millis, forMs: Millis, test: (at: Millis) => boolean): boolean {
    let known = this.#lasts.get(name);
    if (!known) this.#lasts.set(name, (known = new Map()));
    const tested = (earlier: Millis): boolean => {
      if (!known.has(earlier)) known.set(earlier, test(earlier));
      return known.get(earlier)!;
    };
    return tested(at) || tested(at - forMs) || this.candidates.some((earlier) => earlier > at - forMs && earlier < at && tested(earlier));
  }

  #holds(rule: Rule, at: Millis): boolean {
    if ('all' in rule) return rule.all.every((part) => this.#holds(part, at));
    if ('any' in rule) return rule.any.some((part) => this.#holds(part, at));
    if ('not' in rule) return !this.#holds(rule.not, at);
    if ('hold' in rule) return this.#lasting(rule, at, rule.forMs, (earlier) => this.#holds(rule.hold, earlier));
    const placed = this.#orders(at);
    const lastAge = at - Math.max(...placed), firstAge = at - Math.min(...placed);
    switch (rule.leaf) {
      case 'everyone': return true;
      case 'hasOrdered': return placed.length > 0;
      case 'ordersAtLeast': return this.#orders(at, rule.withinMs).length >= rule.count;
      case 'netRevenueAtLeast': return this.#net(rule.currency, at, rule.withinMs) >= rule.minor;
      case 'firstOrderWithin': return placed.length > 0 && firstAge < rule.withinMs;
      case 'lastOrderWithin': return placed.length > 0 && lastAge < rule.withinMs;
      case 'lastOrderAgo': return placed.length > 0 && lastAge >= rule.fromMs && lastAge < rule.untilMs!;
    }
  }

  #shipped(at: Millis): string[] {
    const placed = this.#orders(at);
    if (placed.length === 0) return ['lifecycle.prospect'];
    const age = (at - Math.max(...placed)) / DAY, known = (at - Math.min(...placed)) / DAY;
    const reached = (minor: number) => this.#lasting(minor, at, 30 * DAY, (earlier) => this.#net(BASE, earlier, 365 * DAY) >= minor);
    const value = reached(100_000) ? 'high' : reached(20_000) ? 'middle' : 'low';
    const activity = known < 30 ? 'new' : age < 90 ? 'active' : age < 180 ? 'at_risk' : age < 365 ? 'dormant' : 'lost';
    const lifecycle = placed.length === 1 ? 'first' : placed.length < 5 ? 'repeat' : 'loyal';
    const r = age < 30 ? 5 : age < 90 ? 4 : age < 180 ? 3 : age < 365 ? 2 : 1;
    return [`value.${value}`, `activity.${activity}`, `lifecycle.${lifecycle}`, `rfm.${band(r, placed.length, this.#net(BASE, at))}`];
  }
}

/** What an order has brought by an instant: nothing once voided, less what was paid back beyond its total. */
function worth(entry: Entry & { ends: Millis }, at: Millis): number {
  if (at < entry.at) return 0;
  if (entry.kind === 'return') return -entry.minor;
  let kept = entry.minor;
  for (const refund of entry.refunds) if (refund.at <= at) kept -= refund.minor;
  return at >= entry.ends ? Math.min(0, kept) : kept;
}

function band(r: number, count: number, net: number): string {
  const f = count >= 7 ? 5 : count >= 5 ? 4 : count >= 3 ? 3 : count;
  const m = net >= 100_000 ? 5 : net >= 50_000 ? 4 : net >= 20_000 ? 3 : net >= 5_000 ? 2 : 1;
  if (r >= 4 && f > 2) return r + f + m === 15 ? 'champions' : f > 3 && m > 2 ? 'loyal' : m > 1 ? 'potential_loyalist' : 'promising';
  if (r >= 3) return r === 3 ? 'needs_attention' : r === 5 && m < 3 ? 'new' : 'promising';
  return f > 3 && m > 3 ? 'cannot_lose' : f > 2 ? 'at_risk' : r === 1 && f === 1 ? 'lost' : 'hibernating';
}

/** Instants worth asking at: around every change, around some instants that change nothing, and anywhere. */
function asked(oracle: Oracle): Millis[] {
  const around = oracle.candidates.filter((at, k) => k % 25 === 0 || !oracle.same(at, oracle.candidates[k - 1]!));
  return [...around.flatMap((at) => [at - 1, at, at + 1]), ...oracle.scenario.instants];
}

const line = (held: readonly Held[]) => held.map(({ segment, since }) => `${segment} ${since}`).join();
const names = (held: readonly Held[]) => held.map(({ segment }) => segment);
const check = (law: (scenario: Scenario) => void) => fc.assert(fc.property(scenarios, law), { numRuns: RUNS });

describe('the segments of a profile', () => {
  it('are at any instant what the entries say by definition, each since the instant it became so', () => {
    let histories = 0, telling = 0;
    check((scenario) => {
      const oracle = new Oracle(scenario);
      const timeline = timelineOf(segmentsOf(scenario), profileOf(scenario));
      const instants = asked(oracle);
      const expected = instants.map((at) => `${at}: ${oracle.truth(at).map((segment) => `${segment} ${oracle.since(segment, at)}`).join()}`);
      expect(instants.map((at) => `${at}: ${line(evaluateAt(timeline, at).memberships)}`)).toEqual(expected);
      const met = new Set(instants.flatMap((at) => oracle.truth(at)));
      histories++;
      if (TELLING.some((segment) => met.has(segment))) telling++;
    });
    expect(telling / histories).toBeGreaterThan(1 / 3);
  });

  it('change next, by time alone, exactly at the instant that is foretold', () => check((scenario) => {
    const oracle = new Oracle(scenario);
    const timeline = timelineOf(segmentsOf(scenario), profileOf(scenario));
    for (const at of asked(oracle)) {
      const { nextAt } = evaluateAt(timeline, at);
      if (nextAt !== oracle.flipAfter(at)) throw new Error(`At ${at}: foretold for ${nextAt}, and comes at ${oracle.flipAfter(at)}.`);
      const until = nextAt ?? at + 1_000 * DAY;
      if (![Math.floor((at + until) / 2), until - 1].every((between) => oracle.same(between, at))) throw new Error(`At ${at}: not the next.`);
    }
  }));

  it('do not depend on the order or the repetition of what was heard', () => {
    const shuffled = scenarios.chain((scenario) => {
      const twice = [...scenario.heard, ...scenario.heard.slice(0, 5)];
      return fc.tuple(fc.constant(scenario), fc.shuffledSubarray(twice, { minLength: twice.length }));
    });
    fc.assert(fc.property(shuffled, ([scenario, heard]) => {
      const [again, at] = [{ ...scenario, heard }, scenario.instants[0]!];
      expect(historiesOf(again)).toEqual(historiesOf(scenario));
      expect(evaluate(segmentsOf(scenario), profileOf(again), at)).toEqual(evaluate(segmentsOf(scenario), profileOf(scenario), at));
    }), { numRuns: RUNS });
  });

  it('reach the same standing by the same changes in one step of time or in many', () => check((scenario) => {
    const timeline = timelineOf(segmentsOf(scenario), profileOf(scenario));
    const { segments, history } = timeline;
    const [from, to] = [Math.min(...scenario.instants), Math.max(...scenario.instants)];
    const once = advance(segments, history, evaluateAt(timeline, from), to);
    const said: Transition[] = [];
    const stood: string[] = [];
    const folded = new Set(names(evaluateAt(timeline, from).memberships));
    let standing: Standing = evaluateAt(timeline, from);
    const stops = [...scenario.instants, ...once.transitions.filter((_, k) => k % 3 === 0).map(({ at }) => at)].sort((a, b) => a - b);
    for (const stop of stops) {
      const step = advance(segments, history, standing, stop);
      said.push(...step.transitions);
      standing = step.standing;
      stood.push(line(standing.memberships));
    }
    expect(stood).toEqual(stops.map((stop) => line(evaluateAt(timeline, stop).memberships)));
    expect(JSON.stringify({ transitions: said, standing })).toBe(JSON.stringify(once));
    for (const { at, entered, left } of said) {
      left.forEach(({ segment }) => folded.delete(segment));
      entered.forEach(({ segment, since }) => folded.add(since === at ? segment : 'not entered at its instant'));
    }
    expect([...folded].sort()).toEqual(names(standing.memberships).sort());
  }));

  it('are exactly one on each axis once an order counts, and the prospect alone before', () => check((scenario) => {
    const timeline = timelineOf(SHIPPED, profileOf(scenario));
    const { startedAt = Infinity } = timeline.history;
    for (let at: Millis | undefined = START - DAY; at !== undefined; at = evaluateAt(timeline, at).nextAt) {
      for (const near of [at - 1, at, at + 1, ...(at < START ? scenario.instants : [])]) {
        const inside = names(evaluateAt(timeline, near).memberships);
        if (near < startedAt) expect(inside).toEqual([]);
        else if (inside.includes('lifecycle.prospect')) expect(inside).toEqual(['lifecycle.prospect']);
        else if (AXES.some((axis) => inside.filter((name) => name.startsWith(axis)).length !== 1)) throw new Error(`${inside.join()} at ${near}`);
      }
    }
  }));
});
