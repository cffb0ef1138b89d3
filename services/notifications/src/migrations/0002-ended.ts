import type { MigrationInterface, QueryRunner } from 'typeorm';

export class Ended1700000001302 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      -- Serves: what ended long ago.
      create index intents_ended on intents (ended_at) where ended_at is not null;
      create index mailbox_received on mailbox (received_at);
    `);
  }

  async down(): Promise<void> {
    throw new Error('Migrations go forward only.');
  }
}
