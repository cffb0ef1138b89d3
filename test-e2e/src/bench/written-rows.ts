import { setTimeout as pause } from 'node:timers/promises';

import type { Flow } from './flow.js';
import { MEASURED, type MeasuredService } from './measured-services.js';

export type Write = 'insert' | 'update' | 'delete';
/** So many rows of a table were written one way. */
export type Written = { readonly service: MeasuredService; readonly table: string; readonly write: Write; readonly rows: number };

/** A backend that has gone idle tells what it wrote within ten seconds. */
const TOLD_AFTER_MS = 11_000;
/**
 * Books that are written once a chunk or a batch, which a floor of batches has none of, and what the relay takes out again: not
 * counted, so the floor is the higher for it. The outbox is weighed by its events.
 */
const NOT_COUNTED = new Set(['outbox', 'relay_batch', 'relay_lease', 'installation', 'migrations', 'consumer_position', 'decision_number']);

/** What every service has written so far, as Postgres itself counts it. Call it at rest. */
export async function writtenSoFar(flow: Flow): Promise<Written[]> {
  await pause(TOLD_AFTER_MS);
  const written: Written[] = [];
  for (const service of MEASURED) {
    const { rows } = await flow.database(service).query<{ table: string; insert: number; update: number; delete: number }>(
      `select relname as "table", n_tup_ins::float8 as "insert", n_tup_upd::float8 as "update", n_tup_del::float8 as "delete" from pg_stat_user_tables where schemaname = 'public' order by relname`);
    for (const row of rows) {
      for (const write of ['insert', 'update', 'delete'] as const) if (row[write] > 0) written.push({ service, table: row.table, write, rows: row[write] });
    }
  }
  return written;
}

/** Whether it is a part of the floor. */
export const isCounted = ({ table }: Written): boolean => !NOT_COUNTED.has(table);

/** How large the pipeline's batches were, seen from the other side: transactions that heard something, batches that the relay sent, and packed outbox rows. */
export type Batching = Record<MeasuredService, { readonly chunks: number; readonly relayBatches: number; readonly outboxRows: number }>;

/** Per thousand events. */
export function batchingOf(perEvent: ReadonlyMap<string, number>): Batching {
  const thousand = (service: MeasuredService, table: string, write: Write): number => 1_000 * (perEvent.get(nameOf({ service, table, write })) ?? 0);
  return Object.fromEntries(MEASURED.map((service) => [service, {
    chunks: thousand(service, 'consumer_position', 'update'), relayBatches: thousand(service, 'relay_batch', 'insert'), outboxRows: thousand(service, 'outbox', 'insert'),
  }])) as Batching;
}

export const nameOf = ({ service, table, write }: Omit<Written, 'rows'>): string => `${service}.${table} ${write}`;

/** Rows per event between two counts, by name. */
export function writtenPerEvent(before: readonly Written[], after: readonly Written[], events: number): Map<string, number> {
  const was = new Map(before.map((one) => [nameOf(one), one.rows]));
  return new Map(after.map((one) => [nameOf(one), (one.rows - (was.get(nameOf(one)) ?? 0)) / events]));
}
