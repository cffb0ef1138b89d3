import type { StockAlertOpened } from '@yunke/contracts';
import { DAY, type Millis } from '@yunke/kernel';

import type { Rule, ServiceLevel } from './threshold.js';

export type AlertKind = StockAlertOpened['kind'];

/** All that decides about a SKU in a warehouse. Units; demand in units a day. */
export type Sight = {
  readonly onHand: number;
  readonly available: number;
  /** On its way, and there within the lead time. */
  readonly incoming: number;
  readonly meanDaily: number;
  readonly sigmaDaily: number;
  /** Where demand is intermittent: that of the SKU on each day counted, and the warehouse's part of it. */
  readonly intermittent?: { readonly daily: readonly number[]; readonly share: number };
  /** Whether an order ever asked for the SKU, and the units asked for in the plan's window. */
  readonly isKnown: boolean;
  readonly unitsInWindow: number;
  /** Days since its first movement. */
  readonly ageDays: number;
  /** More was promised than is there, for longer than movements and orders take to catch up with each other. */
  readonly isOversold: boolean;
  readonly rule: Rule;
};

/** The standard normal quantile of a service level (facts of the field: 1.65, 1.88, 2.33). */
const Z: Record<ServiceLevel, number> = { 95: 1.65, 97: 1.88, 99: 2.33 };

/** An alert closes only when the trigger is left this far behind. */
const RECOVERED = 1.2;
const COVER_EASED = 0.9;
/** Sell-through below which stock is slow, and above which it is slow no more: units sold of those that could be. */
const SLOW = 0.2;
const BRISK = 0.3;
const OLD_DAYS = 28;
const ORDER_FOR_DAYS = 30;
const LOOK_AHEAD_DAYS = 14;

const meanOverLeadTime = ({ meanDaily, rule }: Sight): number => meanDaily * rule.leadTimeDays;

/**
 * Units that suffice for a lead time at the service level. Mean daily demand × lead time + Z × σ of daily demand × √lead time (days), for
 * demand that varies and a lead time that does not. Intermittent demand is far from normal: there it is the quantile of what was asked for
 * in all lead times of the past (the empirical method of Porras and Dekker, European Journal of Operational Research 184, 2008).
 */
function leadTimeDemand(sight: Sight): number {
  const { sigmaDaily, intermittent, rule: { leadTimeDays, serviceLevel } } = sight;
  if (!intermittent) return meanOverLeadTime(sight) + Z[serviceLevel] * sigmaDaily * Math.sqrt(leadTimeDays);
  const sums = leadTimeSums(intermittent.daily, leadTimeDays).sort((a, b) => a - b);
  return sums[Math.ceil((serviceLevel * sums.length) / 100) - 1]! * intermittent.share;
}

/** The units of each lead time, from each day on; behind the last day comes the first, so that every day counts alike. */
function leadTimeSums(daily: readonly number[], leadTimeDays: number): number[] {
  let sum = 0;
  for (let day = 0; day < leadTimeDays; day += 1) sum += daily[day % daily.length]!;
  return daily.map((units, from) => {
    const here = sum;
    sum += daily[(from + leadTimeDays) % daily.length]! - units;
    return here;
  });
}

/** Safety stock: what is held beyond the mean demand of a lead time; none where the quantile of rare demand lies below the mean. */
export const safetyStock = (sight: Sight): number => Math.max(0, leadTimeDemand(sight) - meanOverLeadTime(sight));

/** Reorder point: what was set, else the demand of a lead time at the service level, in whole units. */
export const reorderPoint = (sight: Sight): number => sight.rule.reorderPoint ?? Math.ceil(leadTimeDemand(sight));

/** Days that what is available lasts at the mean demand; without demand it lasts for ever. */
export const coverDays = ({ available, meanDaily }: Sight): number => (meanDaily > 0 ? available / meanDaily : Infinity);

const sellThrough = ({ unitsInWindow, available }: Sight): number => (unitsInWindow === 0 ? 0 : unitsInWindow / (unitsInWindow + Math.max(0, available)));

/** The one alert that should be open now, given the one that is: it opens at a threshold and closes well beyond it. */
export function judge(open: AlertKind | undefined, sight: Sight): AlertKind | undefined {
  if (sight.available < 0 && (sight.isOversold || open === 'oversold')) return 'oversold';
  const [position, point] = [sight.available + sight.incoming, reorderPoint(sight)];
  if (point > 0 && position < point * (open === 'shortage' ? RECOVERED : 1)) return 'shortage';
  return isOverstock(open === 'overstock', sight) ? 'overstock' : undefined;
}

/** Cover beyond the target alone may be a good season: the stock must be old and slow as well. What nobody ever ordered is not judged. */
function isOverstock(isOpen: boolean, sight: Sight): boolean {
  if (!sight.isKnown || sight.available <= 0 || sight.ageDays < OLD_DAYS) return false;
  return coverDays(sight) > sight.rule.targetCoverDays * (isOpen ? COVER_EASED : 1) && sellThrough(sight) < (isOpen ? BRISK : SLOW);
}

/** What an alert is measured by, in units. */
export function thresholdOf(kind: AlertKind, sight: Sight): number {
  if (kind === 'oversold') return 0;
  return kind === 'shortage' ? reorderPoint(sight) : Math.ceil(sight.meanDaily * sight.rule.targetCoverDays);
}

export type Advice = { readonly kind: 'order' | 'promote'; readonly quantity: number; readonly actBy: Millis };

/** What to do, and by when: order up to the reorder point and a month's demand; sell off what exceeds the target cover. */
export function advise(sight: Sight, now: Millis): Advice | undefined {
  const [position, point] = [sight.available + sight.incoming, reorderPoint(sight)];
  const daysLeft = position < point ? 0 : sight.meanDaily > 0 ? (position - point) / sight.meanDaily : Infinity;
  const target = Math.ceil(sight.meanDaily > 0 ? point + sight.meanDaily * ORDER_FOR_DAYS : point * RECOVERED);
  if (daysLeft <= LOOK_AHEAD_DAYS && target > position) return { kind: 'order', quantity: target - position, actBy: now + Math.floor(daysLeft) * DAY };
  if (isOverstock(false, sight)) return { kind: 'promote', quantity: sight.available - thresholdOf('overstock', sight), actBy: now + LOOK_AHEAD_DAYS * DAY };
  return undefined;
}

/** The figures behind an alert or an advice, for whoever must believe it. */
export function evidenceOf(sight: Sight): Record<string, number | null> {
  const { onHand, available, incoming, meanDaily, sigmaDaily, unitsInWindow, rule: { leadTimeDays, serviceLevel, targetCoverDays } } = sight;
  const cover = coverDays(sight);
  return { onHand, available, incoming, meanDaily: round(meanDaily), sigmaDaily: round(sigmaDaily), unitsInWindow, leadTimeDays, serviceLevel, targetCoverDays, safetyStock: round(safetyStock(sight)), reorderPoint: reorderPoint(sight), coverDays: Number.isFinite(cover) ? round(cover) : null };
}

const round = (value: number): number => Math.round(value * 100) / 100;
