/**
 * One array per named column, for `unnest($1::text[], …)`: a thousand rows are one statement with as many parameters as columns.
 * Objects become JSON text (cast them with `::jsonb` after unnest: a jsonb[] parameter costs twice the escaping).
 */
export function columnsOf<R extends object>(rows: readonly R[], ...names: (keyof R)[]): unknown[][] {
  return names.map((name) => rows.map((row) => toParameter(row[name])));
}

const SEPARATOR = '\u001e'; // JSON text never holds it raw

/**
 * A column of JSON, or of other texts without control characters but line ends, as ONE text parameter: `${packed}` in SQL takes
 * it apart again. An array parameter would have every quote escaped on the way, the largest cost of a statement.
 */
export const packedColumn = <R extends object>(rows: readonly R[], name: keyof R): string =>
  packedTexts(rows.map((row) => { const value = row[name]; return typeof value === 'string' ? value : JSON.stringify(value); }));

/** The same of texts that are at hand. */
export const packedTexts = (texts: readonly string[]): string => texts.join(SEPARATOR);

/** The SQL for a packed parameter: `unnest($1::text[], ${packed('$2', 'json')})`. */
export const packed = (parameter: string, type: 'json' | 'text'): string => `string_to_array(${parameter}::text, E'\\x1e')::${type}[]`;

function toParameter(value: unknown): unknown {
  if (value === undefined || value === null) return null;
  return typeof value === 'object' && !(value instanceof Date) && !Buffer.isBuffer(value) ? JSON.stringify(value) : value;
}

/** Distinct values in code unit order: the order in which every transaction takes its locks. */
export const sorted = (values: Iterable<string>): string[] => [...new Set(values)].sort();

/** Rows by one of their columns. */
export const byKey = <R>(rows: readonly R[], key: (row: R) => string): Map<string, R> => new Map(rows.map((row) => [key(row), row]));
