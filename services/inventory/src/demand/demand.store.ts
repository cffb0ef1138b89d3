import { DAY } from '@yunke/kernel';
import { byKey, columnsOf, packed, packedColumn, type Tx } from '@yunke/postgres';

import type { Counted, DemandChange, OrderDemand, Shipped } from './demand.js';
import { WINDOW_DAYS, type Past } from './plan.js';

type Row = { readonly orderId: string; readonly seq: number; readonly counted: Counted; readonly shipped: Shipped };

/** What is kept of these orders' lines; an order's rows change in its own partition only. */
export async function findDemands(tx: Tx, orderIds: readonly string[]): Promise<Map<string, OrderDemand>> {
  return byKey(await tx.query<Row>('select order_id as "orderId", seq::float8 as seq, counted, shipped from order_lines where order_id = any($1)', [orderIds]), ({ orderId }) => orderId);
}

/** Every SKU that was booked as shipped with one of these orders. */
export async function skusBooked(tx: Tx, orderIds: readonly string[]): Promise<string[]> {
  if (orderIds.length === 0) return [];
  const rows = await tx.query<{ sku: string }>('select distinct sku from order_lines, json_object_keys(shipped) as sku where order_id = any($1)', [orderIds]);
  return rows.map(({ sku }) => sku);
}

/** Writes orders' demands and what they change in the days of their SKUs. */
export async function saveDemands(tx: Tx, demands: readonly OrderDemand[], changes: readonly DemandChange[]): Promise<void> {
  if (demands.length === 0) return;
  const rows = [...demands].sort((a, b) => (a.orderId < b.orderId ? -1 : 1));
  await tx.query(
    `insert into order_lines (order_id, seq, counted, shipped) select * from unnest($1::text[], $2::bigint[], ${packed('$3', 'json')}, ${packed('$4', 'json')})
     on conflict (order_id) do update set seq = excluded.seq, counted = excluded.counted, shipped = excluded.shipped`,
    [...columnsOf(rows, 'orderId', 'seq'), packedColumn(rows, 'counted'), packedColumn(rows, 'shipped')]);
  if (changes.length === 0) return;
  await tx.query(
    `insert into demand_days (sku, day, units) select sku, day, units from unnest($1::text[], $2::int[], $3::bigint[]) as new (sku, day, units) order by sku collate "C", day
     on conflict (sku, day) do update set units = demand_days.units + excluded.units`, columnsOf(changes, 'sku', 'day', 'units'));
}

export type Categorised = { readonly sku: string; readonly category: string; readonly toldAt: number; readonly orderId: string };

/** Remembers categories: of several words about one SKU the latest order's stays. `told`: one a SKU. */
export async function saveCategories(tx: Tx, told: readonly Categorised[]): Promise<void> {
  if (told.length === 0) return;
  await tx.query(
    `insert into sku_categories (sku, category, told_at, order_id)
     select sku, category, told_at, order_id from unnest($1::text[], $2::text[], $3::bigint[], $4::text[]) as new (sku, category, told_at, order_id) order by sku collate "C"
     on conflict (sku) do update set category = excluded.category, told_at = excluded.told_at, order_id = excluded.order_id
     where (sku_categories.told_at, sku_categories.order_id) < (excluded.told_at, excluded.order_id)`, columnsOf(told, 'sku', 'category', 'toldAt', 'orderId'));
}

/** Sources whose shipped orders move stock, each with the warehouse that they leave from. */
export async function shippingSources(tx: Tx): Promise<Map<string, string>> {
  const rows = await tx.query<{ source: string; warehouse: string }>('select source, warehouse from stock_sources where from_orders');
  return new Map(rows.map(({ source, warehouse }) => [source, warehouse]));
}

type Days = { sku: string; day: number; change: number; lowest: number };

/** What is known of the past of SKUs, for their plans. Call it with the SKUs locked. */
export async function pastsOf(tx: Tx, skus: readonly string[], today: number): Promise<Map<string, Past>> {
  const window = [skus, today - WINDOW_DAYS, DAY];
  const orders = await tx.query<{ sku: string; day: number; units: number }>('select sku, day, units::float8 as units from demand_days where sku = any($1) and day >= $2 and day < $2 + $3::int', [skus, today - WINDOW_DAYS, WINDOW_DAYS]);
  const first = await tx.query<{ sku: string; orderDay: number | null; stockDay: number | null; onHand: number }>(
    `select sku, (select min(day) from demand_days d where d.sku = w.sku and d.units > 0) as "orderDay", (select (min(occurred_at) / $2)::int from stock_ledger l where l.sku = w.sku) as "stockDay",
       (select coalesce(sum(on_hand), 0)::float8 from stock_levels v where v.sku = w.sku) as "onHand" from unnest($1::text[]) as w (sku)`, [skus, DAY]);
  const days = await tx.query<Days>(
    `select sku, day::int as day, sum(delta)::float8 as change, min(running)::float8 as lowest from (
       select sku, occurred_at / $3 as day, delta, sum(delta) over (partition by sku, occurred_at / $3 order by occurred_at, rank, accepted_at, message_id) as running
       from stock_ledger where sku = any($1) and occurred_at >= $2::bigint * $3) moves group by sku, day`, window);
  const outflow = await tx.query<{ sku: string; warehouse: string; units: number }>(
    `select sku, warehouse, -sum(quantity)::float8 as units from stock_ledger where sku = any($1) and occurred_at >= $2::bigint * $3 and kind = 'sale' group by sku, warehouse having sum(quantity) < 0`, window);
  return new Map(first.map(({ sku, orderDay, stockDay, onHand }) => {
    const stock = days.filter((one) => one.sku === sku);
    const since = stock.filter(({ day }) => day >= today).reduce((sum, { change }) => sum + change, 0);
    return [sku, { today, ...(orderDay !== null && { firstOrderDay: orderDay }), ...(stockDay !== null && { firstStockDay: stockDay }), stock, stockToday: onHand - since,
      units: new Map(orders.filter((one) => one.sku === sku).map(({ day, units }) => [day, units])), outflow: new Map(outflow.filter((one) => one.sku === sku).map(({ warehouse, units }) => [warehouse, units])) }];
  }));
}
