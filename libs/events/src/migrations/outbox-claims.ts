import type { MigrationInterface, QueryRunner } from 'typeorm';

/** The relay is told which rows it claimed and not what they hold: most were said by its own process. */
export class OutboxClaims1700000000005 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(RELAY_CLAIM);
  }

  async down(): Promise<void> {
    throw new Error('Migrations go forward only.');
  }
}

/**
 * One round trip of the relay, under its lease: renew it or raise; delete the acknowledged batch with exactly its rows; claim
 * the next rows that no stored batch holds; number their events; store the claim and tell it. Numbers are dense over all events of a database.
 */
const RELAY_CLAIM = `
  create function relay_claim(p_owner text, p_fence bigint, p_acked bigint, p_lease_ms int, p_max_events int)
  returns table (first_n bigint, id bigint, topic text, partition int, events int) language plpgsql as $$
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
    return query select start_n, o.id, o.topic, o.partition, o.events from outbox o where o.id = any (claimed) order by o.id;
  end $$;
`;
