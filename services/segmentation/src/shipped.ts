import { DAY, type Millis } from '@yunke/kernel';
import { valueAt, type ProfileHistory } from './history.js';
import type { Leaf } from './leaf.js';
import type { Rule, Segment } from './segment.js';

/** The parameters of the segments that ship: days, and minor units of the base currency. */
export const SHIPPED = {
  value: { windowDays: 365, highMinor: 100_000, middleMinor: 20_000, holdDays: 30 },
  activity: { newDays: 30, atRiskDays: 90, dormantDays: 180, lostDays: 365 },
  lifecycle: { repeatOrders: 2, loyalOrders: 5 },
} as const;

/**
 * What scores 1 to 5 are read from: score = 1 + the number of cut points reached. `recencyDays` descend and one is reached by an order
 * younger than it; `frequency` (counted orders) and `monetaryMinor` (net revenue, base currency) ascend. Equal neighbours leave a score
 * unused. `buyers`: from how many they were computed, 0 for the fixed ones.
 */
export type CutPoints = { version: number; buyers: number; recencyDays: Four; frequency: Four; monetaryMinor: Four };
type Four = readonly [number, number, number, number];

export const FIXED_CUT_POINTS: CutPoints = {
  version: 0, buyers: 0, recencyDays: [365, 180, 90, 30], frequency: [2, 3, 5, 10], monetaryMinor: [5_000, 20_000, 50_000, 100_000],
};

/** Quintiles of fewer buyers say nothing. */
export const LEAST_BUYERS = 50;

export type Scores = { recency: number; frequency: number; monetary: number };

/** One buyer of a population: whole days since the last counted order, counted orders, net revenue in minor units of the base currency. */
export type Buyer = { recencyDays: number; frequency: number; monetaryMinor: number };

type Range = readonly [least: number, most: number];
type Box = { band: string; recency: Range; frequency: Range; monetary: Range };

/**
 * The bands of RFM, the first that fits: published boxes widened where they left gaps. Recent
 * buyers (R 4–5) end in `promising`, R 3 is `needs_attention`, the rest ends in `hibernating`.
 */
export const RFM_BANDS: readonly Box[] = [
  { band: 'champions', recency: [5, 5], frequency: [5, 5], monetary: [5, 5] },
  { band: 'loyal', recency: [4, 5], frequency: [4, 5], monetary: [3, 5] },
  { band: 'potential_loyalist', recency: [4, 5], frequency: [3, 5], monetary: [2, 5] },
  { band: 'new', recency: [5, 5], frequency: [1, 2], monetary: [1, 2] },
  { band: 'promising', recency: [4, 5], frequency: [1, 5], monetary: [1, 5] },
  { band: 'needs_attention', recency: [3, 3], frequency: [1, 5], monetary: [1, 5] },
  { band: 'cannot_lose', recency: [1, 2], frequency: [4, 5], monetary: [4, 5] },
  { band: 'at_risk', recency: [1, 2], frequency: [3, 5], monetary: [1, 5] },
  { band: 'lost', recency: [1, 1], frequency: [1, 1], monetary: [1, 5] },
  { band: 'hibernating', recency: [1, 2], frequency: [1, 5], monetary: [1, 5] },
];

const ordered: Leaf = { leaf: 'hasOrdered' };
const ordersAtLeast = (count: number): Leaf => ({ leaf: 'ordersAtLeast', count });
const lastOrderAgo = (fromDays: number, untilDays: number): Leaf =>
  ({ leaf: 'lastOrderAgo', fromMs: fromDays * DAY, ...(untilDays < Infinity && { untilMs: untilDays * DAY }) });

/**
 * The segments that ship, money in the base currency. On each axis a profile with a counted order is in exactly one; without one it
 * is a prospect and in no other.
 */
export const shipped = (currency: string, cutPoints = FIXED_CUT_POINTS): Segment[] =>
  [...valueTiers(currency), ...activity(), ...lifecycle(), ...rfm(currency, cutPoints)];

/** The scores of a buyer at an instant; undefined when no order counts. */
export function rfmScores(history: ProfileHistory, cutPoints: CutPoints, currency: string, at: Millis): Scores | undefined {
  const frequency = valueAt(history.counted, at);
  if (frequency === 0) return undefined;
  const age = at - valueAt(history.last, at);
  const net = history.net.get(currency);
  const monetary = net ? valueAt(net, at) : 0;
  return {
    recency: 1 + cutPoints.recencyDays.filter((days) => age < days * DAY).length,
    frequency: 1 + cutPoints.frequency.filter((count) => frequency >= count).length,
    monetary: 1 + cutPoints.monetaryMinor.filter((minor) => monetary >= minor).length,
  };
}

/** The band of some scores: the first that fits. */
export const bandOf = (scores: Scores): string => RFM_BANDS.find((box) =>
  within(scores.recency, box.recency) && within(scores.frequency, box.frequency) && within(scores.monetary, box.monetary))!.band;

/**
 * Cut points by quintiles: a buyer's score is 1 + the number of fifths of the population strictly beaten, so ties share a score, the lower
 * one, and the order of the population does not matter. The fixed ones for fewer than 50 buyers.
 */
export function cutPointsOf(population: readonly Buyer[], version: number): CutPoints {
  if (population.length < LEAST_BUYERS) return { ...FIXED_CUT_POINTS, version };
  // fewer days are better: cut the negated days; -days >= cut is days < 1 - cut, as days are whole
  const [r1, r2, r3, r4] = quintiles(population.map((buyer) => -buyer.recencyDays));
  return {
    version, buyers: population.length,
    recencyDays: [1 - r1, 1 - r2, 1 - r3, 1 - r4],
    frequency: quintiles(population.map((buyer) => buyer.frequency)),
    monetaryMinor: quintiles(population.map((buyer) => buyer.monetaryMinor)),
  };
}

/** Per fifth, the least value that strictly beats so many; 1 more than the largest where ties leave none. */
function quintiles(values: number[]): Four {
  const sorted = values.sort((a, b) => a - b);
  const cut = (fifths: number): number => {
    const beaten = Math.ceil((sorted.length * fifths) / 5);
    // a value beats `beaten` others when it stands at that index or later and differs from the one before that index
    let index = beaten;
    while (index < sorted.length && sorted[index] === sorted[beaten - 1]) index++;
    return index < sorted.length ? sorted[index]! : sorted[sorted.length - 1]! + 1;
  };
  return [cut(1), cut(2), cut(3), cut(4)];
}

/** A tier lasts `holdDays` after its revenue was last reached; the higher one wins; all end when no order counts any more. */
function valueTiers(currency: string): Segment[] {
  const { windowDays, highMinor, middleMinor, holdDays } = SHIPPED.value;
  const reached = (minor: number): Rule =>
    ({ hold: { leaf: 'netRevenueAtLeast', minor, currency, withinMs: windowDays * DAY }, forMs: holdDays * DAY });
  const high = reached(highMinor), middle = reached(middleMinor);
  return [
    { name: 'value.high', rule: { all: [ordered, high] } },
    { name: 'value.middle', rule: { all: [ordered, middle, { not: high }] } },
    { name: 'value.low', rule: { all: [ordered, { not: middle }, { not: high }] } },
  ];
}

function activity(): Segment[] {
  const { newDays, atRiskDays, dormantDays, lostDays } = SHIPPED.activity;
  const fresh: Leaf = { leaf: 'firstOrderWithin', withinMs: newDays * DAY };
  return [
    { name: 'activity.new', rule: fresh },
    { name: 'activity.active', rule: { all: [lastOrderAgo(0, atRiskDays), { not: fresh }] } },
    { name: 'activity.at_risk', rule: lastOrderAgo(atRiskDays, dormantDays) },
    { name: 'activity.dormant', rule: lastOrderAgo(dormantDays, lostDays) },
    { name: 'activity.lost', rule: lastOrderAgo(lostDays, Infinity) },
  ];
}

function lifecycle(): Segment[] {
  const { repeatOrders, loyalOrders } = SHIPPED.lifecycle;
  return [
    { name: 'lifecycle.prospect', rule: { not: ordered } },
    { name: 'lifecycle.first', rule: { all: [ordered, { not: ordersAtLeast(repeatOrders) }] } },
    { name: 'lifecycle.repeat', rule: { all: [ordersAtLeast(repeatOrders), { not: ordersAtLeast(loyalOrders) }] } },
    { name: 'lifecycle.loyal', rule: ordersAtLeast(loyalOrders) },
  ];
}

/** Each band is its box, less the boxes before it that reach into it. A box that an earlier such box covers need not be named. */
function rfm(currency: string, cutPoints: CutPoints): Segment[] {
  return RFM_BANDS.map((box, place) => {
    const before = RFM_BANDS.slice(0, place).filter((other) => meet(other, box));
    const named = before.filter((other) => !before.some((wider) => wider !== other && covers(wider, other)));
    const elsewhere = named.map((other): Rule => ({ not: { all: inBox(other, currency, cutPoints) } }));
    return { name: `rfm.${box.band}`, rule: { all: [...inBox(box, currency, cutPoints), ...elsewhere] } };
  });
}

/** The leaves of a box. The recency leaf holds only while an order counts, so every band does. */
function inBox(box: Box, currency: string, cutPoints: CutPoints): Rule[] {
  const revenueAtLeast = (minor: number): Leaf => ({ leaf: 'netRevenueAtLeast', minor, currency });
  const [least, most] = box.recency;
  return [
    lastOrderAgo(most === 5 ? 0 : cutPoints.recencyDays[most - 1]!, least === 1 ? Infinity : cutPoints.recencyDays[least - 2]!),
    ...scored(box.frequency, cutPoints.frequency, ordersAtLeast),
    ...scored(box.monetary, cutPoints.monetaryMinor, revenueAtLeast),
  ];
}

const scored = ([least, most]: Range, cuts: Four, atLeast: (cut: number) => Leaf): Rule[] => [
  ...(least > 1 ? [atLeast(cuts[least - 2]!)] : []),
  ...(most < 5 ? [{ not: atLeast(cuts[most - 1]!) }] : []),
];

const within = (score: number, [least, most]: Range): boolean => least <= score && score <= most;
const axes = ['recency', 'frequency', 'monetary'] as const;
const meet = (a: Box, b: Box): boolean => axes.every((axis) => a[axis][0] <= b[axis][1] && b[axis][0] <= a[axis][1]);
const covers = (a: Box, b: Box): boolean => axes.every((axis) => a[axis][0] <= b[axis][0] && b[axis][1] <= a[axis][1]);
