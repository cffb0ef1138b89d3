import { columnsOf, type Db, type Tx } from '@yunke/postgres';

import { paged, type Listing, type Sorted } from '../listing.js';
import type { Advice, AlertKind } from './alert.js';
import type { Threshold } from './threshold.js';

export type Alert = {
  readonly id: string; readonly kind: AlertKind; readonly sku: string; readonly warehouse: string; readonly available: number; readonly threshold: number;
  readonly evidence: Record<string, number | null>; readonly openedAt: number; readonly openedReason: string; readonly closedAt: number | null; readonly closedReason: string | null;
};

const COLUMNS = `id::text, kind, sku, warehouse, available::float8 as available, threshold::float8 as threshold, evidence, opened_at::float8 as "openedAt", opened_reason as "openedReason",
  closed_at::float8 as "closedAt", closed_reason as "closedReason"`;

/** The open alerts of these SKUs. They stay as they are while the SKUs are locked. */
export const openAlerts = (tx: Tx, skus: readonly string[]): Promise<Alert[]> => tx.query<Alert>(`select ${COLUMNS} from stock_alerts where sku = any($1) and closed_at is null`, [skus]);

/** Closes alerts, then opens others: one open a shelf. */
export async function saveAlerts(tx: Tx, closed: readonly Alert[], opened: readonly Alert[]): Promise<void> {
  if (closed.length > 0) {
    await tx.query('update stock_alerts a set closed_at = new.closed_at, closed_reason = new.closed_reason from unnest($1::uuid[], $2::bigint[], $3::text[]) as new (id, closed_at, closed_reason) where a.id = new.id',
      columnsOf(closed, 'id', 'closedAt', 'closedReason'));
  }
  if (opened.length === 0) return;
  await tx.query(
    `insert into stock_alerts (id, kind, sku, warehouse, available, threshold, evidence, opened_at, opened_reason)
     select id, kind, sku, warehouse, available, threshold, evidence::json, opened_at, opened_reason
     from unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::bigint[], $7::text[], $8::bigint[], $9::text[]) as new (id, kind, sku, warehouse, available, threshold, evidence, opened_at, opened_reason)`,
    columnsOf(opened, 'id', 'kind', 'sku', 'warehouse', 'available', 'threshold', 'evidence', 'openedAt', 'openedReason'));
}

/** Forgets a slice of the alerts that were closed before an instant. Returns how many. */
export async function forgetClosed(tx: Tx, before: number, limit: number): Promise<number> {
  const gone = await tx.query('delete from stock_alerts where id in (select id from stock_alerts where closed_at < $1 order by closed_at limit $2 for update skip locked) returning id', [before, limit]);
  return gone.length;
}

export type AdviceRow = Advice & { readonly sku: string; readonly warehouse: string; readonly evidence: Record<string, number | null>; readonly computedAt: number };

/** Replaces the advice of these shelves; a shelf without advice loses its row. */
export async function saveAdvice(tx: Tx, shelves: readonly { readonly sku: string; readonly warehouse: string }[], advice: readonly AdviceRow[]): Promise<void> {
  if (shelves.length === 0) return;
  await tx.query('delete from stock_advice a using unnest($1::text[], $2::text[]) as gone (sku, warehouse) where a.sku = gone.sku and a.warehouse = gone.warehouse', columnsOf(shelves, 'sku', 'warehouse'));
  if (advice.length === 0) return;
  await tx.query(
    `insert into stock_advice (sku, warehouse, kind, quantity, act_by, evidence, computed_at)
     select sku, warehouse, kind, quantity, act_by, evidence::json, computed_at
     from unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::bigint[], $6::text[], $7::bigint[]) as new (sku, warehouse, kind, quantity, act_by, evidence, computed_at)`,
    columnsOf(advice, 'sku', 'warehouse', 'kind', 'quantity', 'actBy', 'evidence', 'computedAt'));
}

/** By what alerts may be sorted. */
export const ALERTS = {
  sorts: { openedAt: ['opened_at', 'whole'], sku: ['sku', 'text'], available: ['available', 'whole'], threshold: ['threshold', 'whole'] },
  key: { id: ['id', 'uuid'] },
} as const satisfies Listing;

export type AlertFilter = Sorted<typeof ALERTS> & { readonly sku?: string; readonly warehouse?: string; readonly kind?: string; readonly open?: boolean };

/** A page of alerts. */
export function listAlerts(db: Db, { sku, warehouse, kind, open, ...page }: AlertFilter): Promise<Alert[]> {
  const { behind, sorted, parameters } = paged(ALERTS, page, [sku ?? null, warehouse ?? null, kind ?? null, open ?? null]);
  return db.query<Alert>(
    `select ${COLUMNS} from stock_alerts
     where ($1::text is null or sku = $1) and ($2::text is null or warehouse = $2) and ($3::text is null or kind = $3) and ($4::boolean is null or (closed_at is null) = $4) and ${behind} ${sorted}`, parameters);
}

/** By what advice may be sorted. */
export const ADVICE = {
  sorts: { actBy: ['act_by', 'whole'], sku: ['sku', 'text'], quantity: ['quantity', 'whole'], computedAt: ['computed_at', 'whole'] },
  key: { sku: ['sku', 'text'], warehouse: ['warehouse', 'text'] },
} as const satisfies Listing;

export type AdviceFilter = Sorted<typeof ADVICE> & { readonly sku?: string; readonly warehouse?: string; readonly kind?: string };

/** A page of advice. */
export function listAdvice(db: Db, { sku, warehouse, kind, ...page }: AdviceFilter): Promise<AdviceRow[]> {
  const { behind, sorted, parameters } = paged(ADVICE, page, [sku ?? null, warehouse ?? null, kind ?? null]);
  return db.query<AdviceRow>(
    `select sku, warehouse, kind, quantity::float8 as quantity, act_by::float8 as "actBy", evidence, computed_at::float8 as "computedAt" from stock_advice
     where ($1::text is null or sku = $1) and ($2::text is null or warehouse = $2) and ($3::text is null or kind = $3) and ${behind} ${sorted}`, parameters);
}

const THRESHOLD = 'sku, category, warehouse, reorder_point::float8 as "reorderPoint", lead_time_days as "leadTimeDays", service_level as "serviceLevel", target_cover_days as "targetCoverDays"';

/** The thresholds that may speak of these SKUs. */
export const thresholdsFor = (tx: Tx, skus: readonly string[]): Promise<Threshold[]> => tx.query<Threshold>(`select ${THRESHOLD} from stock_thresholds where sku = '' or sku = any($1)`, [skus]);

/** The categories of these SKUs, as far as an order told one. */
export async function categoriesOf(tx: Tx, skus: readonly string[]): Promise<Map<string, string>> {
  const rows = await tx.query<{ sku: string; category: string }>('select sku, category from sku_categories where sku = any($1)', [skus]);
  return new Map(rows.map(({ sku, category }) => [sku, category]));
}

export async function saveThreshold(tx: Tx, threshold: Threshold): Promise<void> {
  await tx.query(
    `insert into stock_thresholds (sku, category, warehouse, reorder_point, lead_time_days, service_level, target_cover_days) values ($1, $2, $3, $4, $5, $6, $7)
     on conflict (sku, category, warehouse) do update set reorder_point = excluded.reorder_point, lead_time_days = excluded.lead_time_days, service_level = excluded.service_level, target_cover_days = excluded.target_cover_days`,
    [threshold.sku, threshold.category, threshold.warehouse, threshold.reorderPoint, threshold.leadTimeDays, threshold.serviceLevel, threshold.targetCoverDays]);
}

/** Whether there was such a threshold. */
export async function dropThreshold(tx: Tx, { sku, category, warehouse }: Pick<Threshold, 'sku' | 'category' | 'warehouse'>): Promise<boolean> {
  return (await tx.query('delete from stock_thresholds where sku = $1 and category = $2 and warehouse = $3 returning 1', [sku, category, warehouse])).length > 0;
}

/** A page of thresholds, by scope. */
export const listThresholds = (db: Db, limit: number, after: { readonly sku: string; readonly category: string; readonly warehouse: string } | undefined): Promise<Threshold[]> => db.query<Threshold>(
  `select ${THRESHOLD} from stock_thresholds where $1::text is null or (sku, category, warehouse) > ($1, $2, $3) order by sku, category, warehouse limit $4`,
  [after?.sku ?? null, after?.category ?? null, after?.warehouse ?? null, limit]);

/** The SKUs with stock that a scope speaks of. */
export async function skusIn(tx: Tx, { sku, category, warehouse }: Pick<Threshold, 'sku' | 'category' | 'warehouse'>): Promise<string[]> {
  const rows = await tx.query<{ sku: string }>(
    `select distinct l.sku from stock_levels l left join sku_categories c using (sku)
     where ($1 = '' or l.sku = $1) and ($2 = '' or c.category = $2) and ($3 = '' or l.warehouse = $3) order by 1`, [sku, category, warehouse]);
  return rows.map((row) => row.sku);
}

/** Lets the plans of SKUs fall due at an instant. */
export async function planAt(tx: Tx, skus: readonly string[], at: number): Promise<void> {
  await tx.query('select from skus where sku = any($1) order by sku for update', [skus]);
  await tx.query('update skus set plan_at = $2 where sku = any($1)', [skus, at]);
}
