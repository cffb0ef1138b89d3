import type { MigrationInterface, QueryRunner } from 'typeorm';

export class Identity1700000001301 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(GRAPH);
    await runner.query(DECISIONS);
  }

  async down(): Promise<void> {
    throw new Error('Migrations go forward only.');
  }
}

const GRAPH = `
  -- id: the subject's permanent id (a keyed hash); profile_id: the profile that holds it now, the permanent id of its oldest member.
  create table subjects (
    subject text collate "C" primary key,
    id text collate "C" not null,
    accepted_at bigint not null,
    first_seen_at bigint not null,
    profile_id text collate "C" not null
  ) with (fillfactor = 90);
  -- Serves: any id ever shown leads to the profile that holds its subject now.
  create unique index subjects_id on subjects (id);

  -- What subjects carried, never deleted: the earliest observation that said so (occurred_at, accepted_at, message_id).
  create table evidence (
    subject text collate "C" not null, type text collate "C" not null, value text collate "C" not null,
    occurred_at bigint not null, accepted_at bigint not null, message_id text not null, verified boolean not null,
    account boolean not null,
    primary key (subject, type, value)
  );
  -- A hash, so that the index is small, takes any value, and is never preferred to the primary key where the subject is known.
  create function identifier_hash(type text, value text) returns bigint immutable parallel safe language sql
    return hashtextextended(type || chr(10) || value, 0);
  -- Serves: who carries an identifier, accounts first (how many of them it has decides whether it is generic).
  create index evidence_identifier on evidence (identifier_hash(type, value), account desc);

  -- The fields that each subject's sources told, as registers (golden.ts).
  create table golden (subject text collate "C" primary key, registers json not null) with (fillfactor = 85);

  -- The last record said of every profile, without its golden values, which its members' registers fold to. One that was merged away has no subjects.
  create table profiles (
    profile_id text collate "C" primary key,
    version bigint not null, decision bigint not null,
    subjects text[] not null, first_seen_at bigint, stale boolean not null,
    accepted_at bigint not null, reason text not null
  ) with (fillfactor = 85);
  -- Serves: the list of profiles, the latest first.
  create index profiles_latest on profiles (first_seen_at desc, profile_id desc) where subjects <> '{}';

  -- Grows by one with every transaction that moves a subject; taken under the advisory lock.
  create table decision_number (n bigint not null);
  insert into decision_number values (0);
`;

const DECISIONS = `
  -- What people decided. subjects: both of a pair, the one of a revocation, none of a lift.
  create table decisions (
    id text primary key, kind text not null,
    subjects text[] not null, type text, value text,
    reason text not null, actor text not null, decided_at bigint not null,
    request_key text not null unique, request text not null,
    withdrawn_at bigint, withdrawn_by text
  );
  -- Serves: the decisions that name one of these subjects.
  create index decisions_subjects on decisions using gin (subjects);
  -- Serves: whether an identifier was lifted.
  create index decisions_identifier on decisions (type, value) where type is not null;

  -- Every merge and every split, and why.
  create table journal (
    profile_id text collate "C" not null, decision bigint not null, kind text not null, reason json not null, at bigint not null,
    primary key (profile_id, decision, kind)
  );
`;
