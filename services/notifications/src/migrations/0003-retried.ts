import type { MigrationInterface, QueryRunner } from 'typeorm';

export class Retried1700000001303 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      -- Serves: the age of the oldest call that is tried again.
      create index intents_retried on intents (channel, created_at) where state in ('ready', 'waiting') and attempts > 0 and seen is null;
    `);
  }

  async down(): Promise<void> {
    throw new Error('Migrations go forward only.');
  }
}
