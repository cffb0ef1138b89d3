import type { MigrationInterface, QueryRunner } from 'typeorm';

import { OutboxClaims1700000000005 } from './outbox-claims.js';

/** What every service's database holds for hearing and saying (design 3.2, 3.3). */
class EventTables1700000000001 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(TABLES);
    await runner.query(RELAY_STEP);
  }

  async down(): Promise<void> {
    throw new Error('Migrations go forward only.');
  }
}

/** What hearing and saying need of a database. */
export const eventMigrations = [EventTables1700000000001, OutboxClaims1700000000005];

const TABLES = `
  -- Chosen before the first start, remembered for ever; the epoch is this database's identity.
  create table installation (
    one boolean primary key default true check (one),
    partitions int not null,
    epoch uuid not null default gen_random_uuid()
  );

  -- What one transaction says to one partition: one row. payload: two lines an event, see outbox.ts.
  create table outbox (
    id bigint generated always as identity primary key,
    topic text not null,
    partition int not null,
    events int not null,
    payload text not null,
    said_at timestamptz not null default now()
  ) with (autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 1000);

  -- It lives for milliseconds: packing it costs more than it saves.
  alter table outbox alter column payload set storage external;

  create table relay_lease (
    one boolean primary key default true check (one),
    owner text not null default '',
    fence bigint not null default 0,
    expires_at timestamptz not null default '-infinity',
    next_n bigint not null default 1
  ) with (fillfactor = 50);
  insert into relay_lease default values;

  create table relay_batch (first_n bigint primary key, ids bigint[] not null);

  create table consumer_position (
    topic text not null,
    partition int not null,
    next_offset bigint not null,
    producer_epoch text,
    heard_n bigint not null default 0,
    accepted_through timestamptz not null default '-infinity',
    parked int not null default 0,
    stopped text,
    primary key (topic, partition)
  ) with (fillfactor = 50);

  create table parked_key (
    topic text not null, partition int not null, key text not null,
    code text not null, message text not null, since timestamptz not null default clock_timestamp(),
    primary key (topic, partition, key)
  );

  create table parked_record (
    topic text not null, partition int not null, "offset" bigint not null,
    key text not null, value text, headers jsonb not null,
    primary key (topic, partition, "offset")
  );
  -- Serves: the records of one key, in order, when it is released.
  create index parked_record_key on parked_record (topic, partition, key, "offset");
`;

/** The claim of the version before {@link OutboxClaims1700000000005}, for processes of it that still run while a new one migrates. */
const RELAY_STEP = `
  create function relay_step(p_owner text, p_fence bigint, p_acked bigint, p_lease_ms int, p_max_events int)
  returns table (first_n bigint, topic text, partition int, events int, payload text) language plpgsql as $$
  declare
    claimed bigint[];
    total bigint;
    start_n bigint;
  begin
    update relay_lease l set expires_at = clock_timestamp() + p_lease_ms * interval '1 ms'
     where l.owner = p_owner and l.fence = p_fence and l.expires_at > clock_timestamp() returning l.next_n into start_n;
    if not found then
      raise exception 'the relay lease was lost' using errcode = 'YK001';
    end if;

    if p_acked is not null then
      delete from outbox o where o.id = any (select unnest(b.ids) from relay_batch b where b.first_n = p_acked);
      delete from relay_batch b where b.first_n = p_acked;
    end if;

    select array_agg(c.id order by c.id), sum(c.events) into claimed, total
      from (select w.id, w.events, sum(w.events) over (order by w.id) - w.events as before
              from (select o.id, o.events from outbox o
                     where o.id <> all (coalesce((select array_agg(held.id) from relay_batch b, unnest(b.ids) as held (id)), '{}'))
                     order by o.id limit 1000) w) c
     where c.before < p_max_events;
    if claimed is null then
      return;
    end if;

    update relay_lease l set next_n = l.next_n + total where l.fence = p_fence;
    insert into relay_batch (first_n, ids) values (start_n, claimed);
    return query select start_n, o.topic, o.partition, o.events, o.payload from outbox o where o.id = any (claimed) order by o.id;
  end $$;
`;
