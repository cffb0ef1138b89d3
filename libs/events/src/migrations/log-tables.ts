import type { MigrationInterface, QueryRunner } from 'typeorm';

/** The embedded log's own database: topics as append-only tables, members of groups as leases. */
export class LogTables1700000000002 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(TABLES);
  }

  async down(): Promise<void> {
    throw new Error('Migrations go forward only.');
  }
}

const TABLES = `
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
  -- Counts who came and went: a member that sees another generation than before shares anew.
  create table log_group ("group" text primary key, generation bigint not null);

  create function log_join(p_group text, p_member uuid, p_lease_ms int) returns table (generation bigint, members uuid[]) language plpgsql as $$
  declare moved boolean;
  begin
    insert into log_group values (p_group, 0) on conflict do nothing;
    perform from log_group g where g."group" = p_group for update;
    delete from log_member m where m."group" = p_group and m.expires_at < clock_timestamp() and m.member <> p_member;
    moved := found;
    update log_member m set expires_at = clock_timestamp() + p_lease_ms * interval '1 ms' where m."group" = p_group and m.member = p_member;
    if not found then
      insert into log_member values (p_group, p_member, clock_timestamp() + p_lease_ms * interval '1 ms');
      moved := true;
    end if;
    if moved then
      update log_group g set generation = g.generation + 1 where g."group" = p_group;
    end if;
    return query select g.generation, (select array_agg(m.member order by m.member) from log_member m where m."group" = p_group) from log_group g where g."group" = p_group;
  end $$;

  create function log_leave(p_group text, p_member uuid) returns void language sql as $$
    delete from log_member where "group" = p_group and member = p_member;
    update log_group set generation = generation + 1 where "group" = p_group;
  $$;
`;
