import type { MigrationInterface, QueryRunner } from 'typeorm';

export class Ingestion1700000001101 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      create table sources (
        id text primary key, history boolean not null default false, created_at timestamptz not null default clock_timestamp()
      );

      -- A key is known by its hash only.
      create table write_keys (
        id uuid primary key default gen_random_uuid(), hash text not null unique, source text not null references sources, kind text not null check (kind in ('server', 'browser')),
        created_at timestamptz not null default clock_timestamp(), revoked_at timestamptz
      );
      create index write_keys_source on write_keys (source, created_at, id);

      -- A source's message ids, each once in seven days; swept by age. A name is '<source> <message id>', compared by bytes: the
      -- cheapest order there is, and ids that count up stay neighbours in the index.
      create table seen_messages (message text collate "C" primary key, fingerprint text not null, accepted_at timestamptz not null);
      -- Serves: the sweep. The rows come in order of time, so a few bytes a page are enough.
      create index seen_messages_age on seen_messages using brin (accepted_at);

      -- What we had to refuse, as it came, until somebody mends or deletes it.
      create table quarantine (
        id bigint generated always as identity primary key,
        source text not null, kind text not null, message_id text, dialect text not null, raw json not null,
        code text not null, faults json not null, received_at timestamptz not null, state text not null default 'held' check (state in ('held', 'replayed', 'discarded'))
      );
      -- Serves: the list of what is held, oldest first.
      create index quarantine_held on quarantine (id) where state = 'held';
    `);
  }

  async down(): Promise<void> {
    throw new Error('Migrations go forward only.');
  }
}
