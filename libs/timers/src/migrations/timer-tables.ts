import type { MigrationInterface, QueryRunner } from 'typeorm';

export class TimerTables1700000000003 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      -- One row per (kind, key), replaced when it changes: the next instant at which something becomes true by time alone.
      create table timers (
        kind text not null, key text not null, due_at timestamptz not null,
        primary key (kind, key)
      ) with (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02);
      -- Serves: what is due, in order.
      create index timers_due on timers (due_at, kind, key);
    `);
  }

  async down(): Promise<void> {
    throw new Error('Migrations go forward only.');
  }
}
