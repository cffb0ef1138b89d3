import { DAY, type Millis } from '@yunke/kernel';

/** Days of orders that a plan looks back on; today, which is not over, is left out. */
export const WINDOW_DAYS = 28;

export const dayOf = (at: Millis): number => Math.floor(at / DAY);

/** What the stock of a SKU did on one day (UTC): its whole change, and the lowest it stood below or above where the day began. */
export type StockDay = { readonly day: number; readonly change: number; readonly lowest: number };

/** What is known of a SKU's past. `stockToday`: on hand when the window ended. Days count from 1970, UTC. */
export type Past = {
  readonly today: number;
  /** The first day of which orders, or stock, are known. */
  readonly firstOrderDay?: number;
  readonly firstStockDay?: number;
  readonly units: ReadonlyMap<number, number>;
  readonly stock: readonly StockDay[];
  readonly stockToday: number;
  /** Units sold out of each warehouse in the window, as its movements say. */
  readonly outflow: ReadonlyMap<string, number>;
};

/** Demand of one SKU, in units a day, as far as it could be seen. */
export type Plan = {
  readonly meanDaily: number;
  /** Sample standard deviation of the daily demand. */
  readonly sigmaDaily: number;
  /** How many days were counted, how many were left out because there was nothing to sell, and the units of those counted. */
  readonly days: number;
  readonly stockOutDays: number;
  readonly units: number;
  /** The demand of each day counted, in order, where it is intermittent: most days are without any. */
  readonly daily?: readonly number[];
  /** Whether an order ever asked for it. */
  readonly isKnown: boolean;
  /** Units that left each warehouse: how demand is shared among them. */
  readonly outflow: Readonly<Record<string, number>>;
};

/**
 * Mean daily demand over the last 28 full days, or as many as are known. A day on which there was nothing on hand for a while is
 * censored: what was not there could not be ordered, so the day is left out.
 */
export function planOf(past: Past): Plan {
  const from = Math.max(past.today - WINDOW_DAYS, Math.min(past.firstOrderDay ?? past.today, past.firstStockDay ?? past.today));
  const out = stockOutDays(past, from);
  const counted = Array.from({ length: Math.max(0, past.today - from) }, (_, index) => from + index).filter((day) => !out.has(day)).map((day) => past.units.get(day) ?? 0);
  const units = counted.reduce((sum, daily) => sum + daily, 0);
  const meanDaily = counted.length === 0 ? 0 : units / counted.length;
  const squares = counted.reduce((sum, daily) => sum + (daily - meanDaily) ** 2, 0);
  const isIntermittent = units > 0 && counted.filter((daily) => daily === 0).length * 2 > counted.length;
  return { meanDaily, sigmaDaily: counted.length < 2 ? 0 : Math.sqrt(squares / (counted.length - 1)), days: counted.length, stockOutDays: out.size, units, isKnown: past.firstOrderDay !== undefined, outflow: Object.fromEntries(past.outflow), ...(isIntermittent && { daily: counted }) };
}

/** The days of the window on which nothing was on hand at some time; before its first movement nobody knows. */
function stockOutDays({ today, stock, stockToday, firstStockDay }: Past, from: number): Set<number> {
  const out = new Set<number>();
  const byDay = new Map(stock.map((one) => [one.day, one]));
  let level = stockToday;
  for (let day = today - 1; day >= from && firstStockDay !== undefined && day >= firstStockDay; day -= 1) {
    const { change, lowest } = byDay.get(day) ?? { change: 0, lowest: 0 };
    const opening = level - change;
    const isFirst = day === firstStockDay;
    if (isFirst ? level <= 0 : opening + Math.min(0, lowest) <= 0) out.add(day);
    level = opening;
  }
  return out;
}

/** A warehouse's part of the demand: by the units that left it, or an equal part where none did anywhere. */
export function shareOf({ outflow }: Plan, warehouse: string, warehouses: number): number {
  const total = Object.values(outflow).reduce((sum, units) => sum + units, 0);
  if (total === 0) return 1 / Math.max(1, warehouses);
  return Object.hasOwn(outflow, warehouse) ? outflow[warehouse]! / total : 0;
}
