import type { QueryConfig } from 'pg';

import { isPlanOutdated } from './errors.js';

const names = new Map<string, string>();
let made = 0;

/**
 * A statement that each connection prepares once, under a name that follows from its text: parsing and planning one of ours costs
 * more than a millisecond. Texts must be few and constant. Without parameters it is sent as it is, and may be several statements.
 */
export function prepared(text: string, values: readonly unknown[]): QueryConfig {
  if (values.length === 0) return { text };
  let name = names.get(text);
  if (!name) names.set(text, (name = `yunke_${(made += 1)}`));
  return { name, text, values: values as unknown[] };
}

/** A migration changed what a prepared statement gives: all are prepared anew, under other names, and the transaction is tried again. */
export function forgetOutdated(error: unknown): void {
  if (isPlanOutdated(error)) names.clear();
}
