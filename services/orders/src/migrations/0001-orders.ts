import type { MigrationInterface, QueryRunner } from 'typeorm';

export class Orders1700000001001 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      -- state: the registers (order.ts), read and written whole; the columns beside it are for lists.
      create table orders (
        id text primary key,
        state json not null,
        subject text not null, status text not null, placed_at timestamptz, currency text,
        total_minor bigint not null, refunded_minor bigint not null
      ) with (fillfactor = 85);
      -- Serves: the list of orders, the latest first.
      create index orders_placed on orders (coalesce(placed_at, '-infinity') desc, id desc);
      -- Serves: the orders of a customer.
      create index orders_subject on orders (subject);

      create table returns (id text primary key, state json not null, subject text not null) with (fillfactor = 85);
    `);
  }

  async down(): Promise<void> {
    throw new Error('Migrations go forward only.');
  }
}
