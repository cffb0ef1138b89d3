import type { MigrationInterface, QueryRunner } from 'typeorm';

export class Ended1700000001006 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      -- Serves: what ended long ago.
      create index stock_alerts_closed on stock_alerts (closed_at) where closed_at is not null;
      create index reservations_ended on reservations (answered_at) where state in ('released', 'consumed');
    `);
  }

  async down(): Promise<void> {
    throw new Error('Migrations go forward only.');
  }
}
