import type { QueryConfig } from 'pg';

import { isPlanOutdated } from './errors.js';

const names = new Map<string, string>();
let made = 0;

/**
 * A statement that each connection prepares once, under a name that follows from its text: parsing and planning one of ours costs
 * more than a millisecond. Texts must be few and constant. Without parameters it is sent as it is, and may be several statements.
 */
export function prepared(text: string, values: readonly unknown[] = []): QueryConfig {
  if (values.length === 0) return { text };
  let name = names.get(text);
  if (!name) names.set(text, (name = `yunke_${(made += 1)}`));
  return { name, text, values: values.map((value) => (Array.isArray(value) ? arrayLiteral(value) : value)) };
}

/** A flat array as Postgres reads one, in one pass: node-postgres takes four a text. What is neither text, number, boolean nor null is left to it. */
function arrayLiteral(values: readonly unknown[]): unknown {
  let literal = '{';
  for (const value of values) {
    if (literal.length > 1) literal += ',';
    if (typeof value === 'string') literal += `"${NEEDS_ESCAPE.test(value) ? value.replace(/["\\]/g, '\\$&') : value}"`;
    else if (value === null || value === undefined) literal += 'NULL';
    else if (typeof value === 'number' || typeof value === 'boolean') literal += String(value);
    else return values;
  }
  return `${literal}}`;
}

const NEEDS_ESCAPE = /["\\]/;

/** A migration changed what a prepared statement gives: all are prepared anew, under other names, and the transaction is tried again. */
export function forgetOutdated(error: unknown): void {
  if (isPlanOutdated(error)) names.clear();
}
