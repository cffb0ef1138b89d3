import type { MigrationInterface, QueryRunner } from 'typeorm';

export class Inventory1700000001005 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(STOCK);
    await runner.query(RESERVATIONS);
    await runner.query(DEMAND);
    await runner.query(ALERTS);
  }

  async down(): Promise<void> {
    throw new Error('Migrations go forward only.');
  }
}

// Times are milliseconds since 1970, UTC. Texts that are keys sort by code point everywhere.
const STOCK = `
  -- One row a SKU: the lock on everything that belongs to it, its number of facts, and its plan (plan.ts).
  create table skus (
    sku text collate "C" primary key, seq bigint not null default 0, plan json, plan_at bigint
  ) with (fillfactor = 80);

  -- book: what the ledger folds to (book.ts); the columns beside it are for lists.
  create table stock_levels (
    sku text collate "C", warehouse text collate "C",
    on_hand bigint not null, reserved bigint not null, incoming bigint not null, lost bigint not null,
    available bigint not null generated always as (on_hand - reserved) stored,
    book json not null, oversold_since bigint, is_live boolean not null,
    primary key (sku, warehouse)
  ) with (fillfactor = 80);
  -- Serves: the levels by what is available, the least first.
  create index stock_levels_available on stock_levels (available, sku, warehouse);

  -- Every count and movement, told once, by the source's own id; the deltas of a SKU in a warehouse sum to its level.
  create table stock_ledger (
    sku text collate "C", warehouse text collate "C", movement_id text collate "C",
    source text not null, kind text not null, quantity bigint not null, delta bigint not null,
    rank bigint not null, accepted_at bigint not null, message_id text collate "C" not null,
    occurred_at bigint not null, expected_at bigint, note text,
    primary key (sku, warehouse, movement_id)
  ) with (fillfactor = 90);
  -- Serves: what follows a place in a book's sequence; the ledger's list.
  create index stock_ledger_sequence on stock_ledger (sku, warehouse, rank, accepted_at, message_id);
  -- Serves: the movements of the days of a plan.
  create index stock_ledger_days on stock_ledger (sku, occurred_at);

  -- Sources whose shipped orders move stock, because they send none of their own.
  create table stock_sources (source text collate "C" primary key, from_orders boolean not null, warehouse text not null);
`;

const RESERVATIONS = `
  -- One row an order: its latest ask, and how that was answered. lines: what the order wants.
  create table reservations (
    order_id text collate "C" primary key, ask bigint not null, state text not null, seq bigint not null,
    since bigint not null, answered_at bigint not null, because text not null, lines json not null
  ) with (fillfactor = 80);
  -- Serves: the reservations in one state, the oldest first.
  create index reservations_state on reservations (state, since, order_id);

  -- What is set aside, where.
  create table reserved_lines (
    order_id text collate "C", sku text collate "C", warehouse text collate "C",
    quantity bigint not null, since bigint not null, lost boolean not null default false,
    primary key (order_id, sku, warehouse)
  );
  -- Serves: the newest promises of a SKU in a warehouse, when there turns out to be less.
  create index reserved_lines_newest on reserved_lines (sku, warehouse, since desc, order_id desc) where not lost;

  -- What is wanted and not there.
  create table backorder_lines (
    order_id text collate "C", sku text collate "C", quantity bigint not null,
    primary key (order_id, sku)
  );
  -- Serves: who waits for a SKU.
  create index backorder_lines_sku on backorder_lines (sku, order_id);
`;

const DEMAND = `
  -- What an order means for stock, as its latest record says; counted and shipped: what of it is in demand_days and in the ledger.
  create table order_lines (
    order_id text collate "C" primary key, seq bigint not null, counted json not null, shipped json not null
  ) with (fillfactor = 85);

  -- Units ordered, by SKU and day (days since 1970, UTC).
  create table demand_days (
    sku text collate "C", day int, units bigint not null,
    primary key (sku, day)
  ) with (fillfactor = 80);

  -- The category that the latest order line gave a SKU.
  create table sku_categories (
    sku text collate "C" primary key, category text not null, told_at bigint not null, order_id text collate "C" not null
  ) with (fillfactor = 80);
`;

const ALERTS = `
  create table stock_alerts (
    id uuid primary key, kind text not null, sku text collate "C" not null, warehouse text collate "C" not null,
    available bigint not null, threshold bigint not null, evidence json not null,
    opened_at bigint not null, opened_reason text not null, closed_at bigint, closed_reason text
  );
  -- One open alert a SKU and warehouse.
  create unique index stock_alerts_open on stock_alerts (sku, warehouse) where closed_at is null;
  -- Serves: the alerts, the latest first.
  create index stock_alerts_latest on stock_alerts (opened_at desc, id desc);

  create table stock_advice (
    sku text collate "C", warehouse text collate "C", kind text not null, quantity bigint not null,
    act_by bigint not null, evidence json not null, computed_at bigint not null,
    primary key (sku, warehouse)
  ) with (fillfactor = 80);
  -- Serves: the advice, the most urgent first.
  create index stock_advice_urgent on stock_advice (act_by, sku, warehouse);

  -- Empty: any. A field that is null is taken from the next wider scope.
  create table stock_thresholds (
    sku text collate "C", category text collate "C", warehouse text collate "C",
    reorder_point bigint, lead_time_days int, service_level int, target_cover_days int,
    primary key (sku, category, warehouse)
  );
`;
