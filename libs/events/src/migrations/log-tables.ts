import type { MigrationInterface, QueryRunner } from 'typeorm';

/** The embedded log's own database: topics as append-only tables, members of groups as leases. */
export class LogTables1700000000002 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      create table log_partition (
        topic text not null, partition int not null,
        low bigint not null default 0, high bigint not null default 0,
        compacted boolean not null, retention_hours int not null,
        primary key (topic, partition)
      ) with (fillfactor = 50);

      create table log_record (
        topic text not null, partition int not null, "offset" bigint not null,
        key text, value text, headers text not null, at timestamptz not null default clock_timestamp(),
        primary key (topic, partition, "offset")
      );
      -- Serves: compaction, which keeps the last record of a key.
      create index log_record_key on log_record (topic, partition, key, "offset") where key is not null;

      create table log_member (
        "group" text not null, member uuid not null, expires_at timestamptz not null,
        primary key ("group", member)
      );
    `);
  }

  async down(): Promise<void> {
    throw new Error('Migrations go forward only.');
  }
}
