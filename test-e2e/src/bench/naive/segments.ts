import type { Customer } from './entities.js';

const DAY = 86_400_000;
const RECENCY_DAYS = [365, 180, 90, 30];
const FREQUENCY = [2, 3, 5, 10];
const MONETARY_MINOR = [5_000, 20_000, 50_000, 100_000];

type Range = readonly [number, number];
const BANDS: readonly (readonly [band: string, recency: Range, frequency: Range, monetary: Range])[] = [
  ['champions', [5, 5], [5, 5], [5, 5]], ['loyal', [4, 5], [4, 5], [3, 5]], ['potential_loyalist', [4, 5], [3, 5], [2, 5]], ['new', [5, 5], [1, 2], [1, 2]],
  ['promising', [4, 5], [1, 5], [1, 5]], ['needs_attention', [3, 3], [1, 5], [1, 5]], ['cannot_lose', [1, 2], [4, 5], [4, 5]], ['at_risk', [1, 2], [3, 5], [1, 5]],
  ['lost', [1, 1], [1, 1], [1, 5]], ['hibernating', [1, 2], [1, 5], [1, 5]],
];

/** The segments that hold a customer now: the platform's own four axes, without its windows, holds, timers and proofs. */
export function segmentsOf({ orders, revenueMinor, firstOrderAt, lastOrderAt }: Customer, now: number): string[] {
  if (!firstOrderAt || !lastOrderAt) return [];
  const days = (now - lastOrderAt.getTime()) / DAY;
  const value = revenueMinor >= 100_000 ? 'high' : revenueMinor >= 20_000 ? 'middle' : 'low';
  const lifecycle = orders >= 5 ? 'loyal' : orders >= 2 ? 'repeat' : 'first';
  const activity = now - firstOrderAt.getTime() < 30 * DAY ? 'new' : days < 90 ? 'active' : days < 180 ? 'at_risk' : days < 365 ? 'dormant' : 'lost';
  const score = [1 + RECENCY_DAYS.filter((cut) => days < cut).length, 1 + FREQUENCY.filter((cut) => orders >= cut).length, 1 + MONETARY_MINOR.filter((cut) => revenueMinor >= cut).length];
  const [band] = BANDS.find(([, ...box]) => box.every(([least, most], axis) => least <= score[axis]! && score[axis]! <= most))!;
  return [`value.${value}`, `lifecycle.${lifecycle}`, `activity.${activity}`, `rfm.${band}`];
}
