import type { MigrationInterface, QueryRunner } from 'typeorm';

/** The sweep goes page by page. One of the version before still runs, only slower, until it is replaced. */
export class SweepByPage1700000001102 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query('drop index seen_messages_age');
  }

  async down(): Promise<void> {
    throw new Error('Migrations go forward only.');
  }
}
