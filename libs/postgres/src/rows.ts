/**
 * One array per named column, for `unnest($1::text[], …)`: a thousand rows are one statement with as many parameters as columns.
 * Objects become JSON text (cast them with `::jsonb` after unnest: a jsonb[] parameter costs twice the escaping).
 */
export function columnsOf<R extends object>(rows: readonly R[], ...names: (keyof R)[]): unknown[][] {
  return names.map((name) => rows.map((row) => toParameter(row[name])));
}

function toParameter(value: unknown): unknown {
  if (value === undefined || value === null) return null;
  return typeof value === 'object' && !(value instanceof Date) && !Buffer.isBuffer(value) ? JSON.stringify(value) : value;
}

/** Distinct values in code unit order: the order in which every transaction takes its locks. */
export const sorted = (values: Iterable<string>): string[] => [...new Set(values)].sort();

/** Rows by one of their columns. */
export const byKey = <R>(rows: readonly R[], key: (row: R) => string): Map<string, R> => new Map(rows.map((row) => [key(row), row]));
