/** Repeated measurements of one thing. */
export type Spread = { readonly median: number; readonly min: number; readonly max: number };

/** @throws Error for an empty list */
export function spreadOf(values: readonly number[]): Spread {
  return { median: quantile(values, 0.5), min: quantile(values, 0), max: quantile(values, 1) };
}

/** The smallest value that at least the share `q` of them does not exceed; the mean of the middle two for an even median. */
export function quantile(values: readonly number[], q: number): number {
  if (values.length === 0) throw new Error('There is nothing to take a quantile of.');
  const ascending = values.toSorted((a, b) => a - b);
  if (q === 0.5 && ascending.length % 2 === 0) return (ascending[ascending.length / 2 - 1]! + ascending[ascending.length / 2]!) / 2;
  return ascending[Math.max(0, Math.ceil(q * ascending.length) - 1)]!;
}

export const sum = (values: Iterable<number>): number => {
  let total = 0;
  for (const value of values) total += value;
  return total;
};

export const rounded = (value: number, digits = 0): number => Number(value.toFixed(digits));
