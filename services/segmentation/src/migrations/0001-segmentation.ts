import type { MigrationInterface, QueryRunner } from 'typeorm';

export class Segmentation1700000001201 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      -- What is known per subject (history.ts), read and written whole.
      create table subject_histories (
        subject text primary key, entries json not null
      ) with (fillfactor = 70);

      -- Where each profile stands: the segments that hold it, and when time alone will change that.
      create table standings (
        profile_id text primary key,
        seq bigint not null, version bigint not null, rule_version bigint not null,
        first_seen_at bigint, profile_version bigint not null,
        evaluated_at bigint not null, next_at bigint, timer_at bigint,
        memberships json not null
      ) with (fillfactor = 70);

      -- The same, for lists: who is in a segment, since when, and the proof of the change that let them in.
      create table memberships (
        segment text not null, profile_id text not null,
        since bigint not null, seq bigint not null, effective_at bigint not null, reason text not null, cause text not null,
        rule_version bigint not null, proof json not null,
        primary key (segment, profile_id)
      ) with (fillfactor = 85);

      -- Every version of the cut points; the rules in force are those of the largest.
      create table cut_points (
        version bigint primary key, buyers int not null, recency_days bigint[] not null, frequency bigint[] not null, monetary_minor bigint[] not null,
        effective_at bigint not null
      );
      insert into cut_points values (1, 0, '{365,180,90,30}', '{2,3,5,10}', '{5000,20000,50000,100000}', 0);

      -- Long work over all profiles, in pages, with its progress.
      create table jobs (
        id uuid primary key default gen_random_uuid(), kind text not null, state text not null default 'running' check (state in ('running', 'done', 'failed')),
        rule_version bigint, after_profile text not null default '', done bigint not null default 0, total bigint not null,
        started_at timestamptz not null default clock_timestamp(), ended_at timestamptz
      );
      create unique index jobs_one_at_a_time on jobs (kind) where state = 'running';
    `);
  }

  async down(): Promise<void> {
    throw new Error('Migrations go forward only.');
  }
}
