import type { MigrationInterface, QueryRunner } from 'typeorm';

export class Counter1700000009001 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      -- Per topic and key: how many records were heard, and a digest of their ids that depends on the order.
      create table tallies (topic text not null, key text not null, n int not null, digest text not null, primary key (topic, key));
      -- Of each batch the record that had been accepted longest ago, and how long ago.
      create table delays (topic text not null, key text not null, at timestamptz not null, ms float8 not null);
    `);
  }

  async down(): Promise<void> {
    throw new Error('Migrations go forward only.');
  }
}
