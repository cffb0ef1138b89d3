import type { MigrationInterface, QueryRunner } from 'typeorm';

const WHAT_HOLDS = `
  -- What messages need of each profile, by the largest version heard.
  create table people (profile_id text primary key, version bigint not null, fields json not null) with (fillfactor = 85);

  -- Which fact leads to which message.
  create table rules (
    id text primary key, version int not null, fact text not null, condition json, channel text not null, audience text not null, class text not null,
    template text, expires_after_minutes int not null, priority int not null, active boolean not null, updated_at timestamptz not null
  );
  create table templates (
    name text not null, version int not null, facts text[] not null, languages json not null, created_at timestamptz not null,
    primary key (name, version)
  );
  -- Every version of what holds for everybody; the largest is in force.
  create table policies (version int primary key, caps json not null, quiet_hours json, created_at timestamptz not null);

  -- Where people are reached, and what was said about it. id: a keyed hash of channel and address.
  create table contact_points (
    id text primary key, channel text not null, address text not null,
    unsubscribed_at timestamptz, suppressed_at timestamptz, suppressed_why text
  ) with (fillfactor = 85);
  -- Serves: the list of suppressed addresses, and of unsubscribed ones.
  create index contact_points_suppressed on contact_points (id) where suppressed_at is not null;
  create index contact_points_unsubscribed on contact_points (id) where unsubscribed_at is not null;
  -- Every change of the above, by whom and why.
  create table contact_changes (
    id bigint generated always as identity primary key, contact_id text not null, change text not null, by text not null, why text, at timestamptz not null
  );
`;

const WHAT_HAPPENS = `
  -- That a message is wanted, what became of it and why.
  create table intents (
    id uuid primary key, fact text not null, fact_id text not null, body json not null, reason text not null, effective_at timestamptz not null,
    rule text not null, rule_version int not null, class text not null, channel text not null, template text, priority int not null,
    subject text, profile_id text, target text, created_at timestamptz not null, expires_at timestamptz not null, traceparent text,
    state text not null check (state in ('ready', 'waiting', 'calling', 'sent', 'dropped', 'failed', 'unknown')),
    why text, seen json, due_at timestamptz, contact_id text, address text, language text, template_version int,
    attempts int not null default 0, was_unclear boolean not null default false, called_at timestamptz, lease_until timestamptz,
    provider_id text, bounced text, ended_at timestamptz
  ) with (fillfactor = 70);
  -- Serves: the worker's claim.
  create index intents_ready on intents (channel, priority desc, created_at, id) where state = 'ready';
  -- Serves: calls that nobody finished.
  create index intents_calling on intents (lease_until) where state = 'calling';
  -- Serves: what waits for somebody to become known.
  create index intents_waiting_subject on intents (subject) where state = 'waiting';
  create index intents_waiting_profile on intents (profile_id) where state = 'waiting';
  -- Serves: caps.
  create index intents_caps on intents (contact_id, called_at) where class = 'marketing' and called_at is not null;
  -- Serves: the lists, all and by state, the latest first.
  create index intents_latest on intents (created_at desc, id desc);
  create index intents_latest_of_state on intents (state, created_at desc, id desc);

  -- Every call of a provider and what came of it.
  create table deliveries (
    intent_id uuid not null, attempt int not null, channel text not null, result text not null, why text not null, provider_id text, called_at timestamptz not null, ended_at timestamptz not null,
    primary key (intent_id, attempt)
  );
  -- Serves: the list of calls, the latest first.
  create index deliveries_latest on deliveries (called_at desc, intent_id desc, attempt desc);

  -- Who takes facts by webhook. generation: its secret's; the one before signs too until previous_until.
  create table endpoints (
    id uuid primary key, url text not null, facts text[] not null, generation int not null, previous_until timestamptz, closed_why text, created_at timestamptz not null
  );

  -- The built-in mailbox: what its SMTP server took. copies: how often the same message came for the same recipient.
  create table mailbox (
    id bigint generated always as identity primary key, message_id text not null, recipient text not null, sender text not null, subject text not null,
    text text not null, html text not null, headers json not null, received_at timestamptz not null, copies int not null default 1,
    unique (message_id, recipient)
  );
`;

export class Notifications1700000001301 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(WHAT_HOLDS);
    await runner.query(WHAT_HAPPENS);
  }

  async down(): Promise<void> {
    throw new Error('Migrations go forward only.');
  }
}
