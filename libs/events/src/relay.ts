import { setTimeout as pause } from 'node:timers/promises';

import { fault } from '@yunke/kernel';
import { codeOf, type Db } from '@yunke/postgres';

import { KeptRows } from './kept-rows.js';
import type { Append, EventLog, LogRecord } from './log.js';
import { metrics } from './metrics.js';
import { readOutbox, type Said, type WrittenRow } from './outbox.js';

export type RelayOptions = {
  readonly db: Db;
  readonly log: EventLog;
  readonly service: string;
  readonly epoch: string;
  readonly report: (level: 'warn' | 'error', message: string, about: Record<string, unknown>) => void;
  readonly leaseMs?: number;
  /** How much of what this process said itself is kept until it is claimed, in characters. */
  readonly keptAtMost?: number;
};

type Row = { first_n: string; id: string; topic: string; partition: number; events: number };

/** A numbered batch: its members and numbers are committed before its first send. */
type Claim = { readonly firstN: string; readonly rows: readonly Row[] };

const EVENTS_PER_SEND = 1_500;
const LOOK_EVERY_MS = 100;
const FENCED = 'YK001';

/**
 * Publishes the outbox of one database: the only one at a time, under a lease on the database's clock. Batches are numbered in
 * the database, sent one after the other, each acknowledged before the next begins; the next is claimed while one is sent.
 * Whatever a crashed, paused or outlived relay sends again, readers drop by number (design 3.3).
 */
export class Relay {
  readonly #me = crypto.randomUUID();
  #fence = '0';
  #stopping = false;
  #running: Promise<void> = Promise.resolve();
  #dirty = false;
  #awaken: () => void = () => undefined;
  #leading = false;
  readonly #kept: KeptRows;

  constructor(private readonly options: RelayOptions) {
    this.#kept = new KeptRows(options.keptAtMost);
  }

  start(): void {
    this.#running = this.#run();
  }

  /** These rows were committed by this process. Others' are found within {@link LOOK_EVERY_MS}. */
  said(rows: readonly WrittenRow[]): void {
    if (this.#leading) this.#kept.keep(rows);
    this.#wake();
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    this.#wake();
    await this.#running;
  }

  async #run(): Promise<void> {
    let failures = 0;
    while (!this.#stopping) {
      try {
        this.#leading = await this.#acquire();
        if (this.#leading) {
          await this.#resend();
          failures = 0;
          await this.#publish();
          this.#forget();
          await this.#release();
        } else await pause(LOOK_EVERY_MS); // what is committed here meanwhile is published by whoever has the lease
      } catch (error) {
        this.#forget();
        if (codeOf(error) === FENCED) continue;
        failures += 1;
        metrics.relayFailures.inc({ service: this.options.service });
        this.options.report(failures > 5 ? 'error' : 'warn', 'the relay will try again', { service: this.options.service, attempt: failures, error });
        await pause(Math.min(5_000, 100 * 2 ** failures) * (0.5 + Math.random() / 2));
      }
    }
  }

  async #acquire(): Promise<boolean> {
    const [row] = await this.options.db.query<{ fence: string }>(
      `update relay_lease set owner = $1, fence = fence + 1, expires_at = clock_timestamp() + $2 * interval '1 ms'
       where expires_at < clock_timestamp() or owner = $1 returning fence`, [this.#me, this.#leaseMs]);
    if (row) this.#fence = row.fence;
    return row !== undefined;
  }

  async #release(): Promise<void> {
    await this.options.db.query(`update relay_lease set expires_at = '-infinity' where owner = $1 and fence = $2`, [this.#me, this.#fence]);
  }

  /** After a take-over or a failed send: the stored batches come first, in order, with the members and numbers they were stored with. */
  async #resend(): Promise<void> {
    const rows = await this.options.db.query<Row>(
      `select b.first_n, o.id, o.topic, o.partition, o.events from relay_batch b, unnest(b.ids) as held (id) join outbox o using (id)
       order by b.first_n, o.id`);
    for (const claim of group(rows)) {
      metrics.resends.inc({ service: this.options.service });
      metrics.resent.inc({ service: this.options.service }, claim.rows.reduce((sum, { events }) => sum + events, 0));
      await this.#send(claim);
      await this.#step(claim.firstN, 0);
    }
  }

  async #publish(): Promise<void> {
    let acked: string | null = null;
    let claimed = await this.#claimAlone(null);
    let renewedAt = performance.now();
    while (!this.#stopping || claimed) {
      if (!claimed) {
        await this.#wait(LOOK_EVERY_MS);
        if (!this.#dirty && acked === null && performance.now() - renewedAt < this.#leaseMs / 3 && !(await this.#somethingWaits())) continue;
        this.#dirty = false;
        claimed = await this.#claimAlone(acked);
        acked = null;
        renewedAt = performance.now();
        continue;
      }
      const [, following]: [void, Claim | undefined] = await bothOrThrow(this.#send(claimed), this.#step(acked, EVENTS_PER_SEND));
      renewedAt = performance.now();
      acked = claimed.firstN;
      claimed = following;
      if (!claimed) {
        this.#dirty = false;
        claimed = await this.#claimAlone(acked);
        acked = null;
      }
    }
  }

  /** While nothing is being sent. When nothing was there, what was kept before was claimed already: before we were told of it. */
  async #claimAlone(acked: string | null): Promise<Claim | undefined> {
    const kept = this.#kept.count;
    const claim = await this.#step(acked, EVENTS_PER_SEND);
    if (!claim) this.#kept.dropOldest(kept);
    return claim;
  }

  async #somethingWaits(): Promise<boolean> {
    return (await this.options.db.query('select from outbox limit 1')).length > 0;
  }

  async #step(acked: string | null, maxEvents: number): Promise<Claim | undefined> {
    const rows = await this.options.db.query<Row>('select * from relay_claim($1, $2, $3, $4, $5)', [this.#me, this.#fence, acked, this.#leaseMs, maxEvents]);
    return rows.length > 0 ? { firstN: rows[0]!.first_n, rows } : undefined;
  }

  async #send(claim: Claim): Promise<void> {
    const batch = await this.#batch(claim);
    await fault('relay.before-send');
    const acknowledged = metrics.send.startTimer({ service: this.options.service });
    await this.options.log.append(batch);
    acknowledged();
    await fault('relay.after-ack');
    metrics.batches.inc({ service: this.options.service });
    metrics.published.inc({ service: this.options.service }, batch.reduce((sum, { records }) => sum + records.length, 0));
  }

  async #batch({ firstN, rows }: Claim): Promise<Append[]> {
    const ours = new Map(rows.map((row) => [row.id, this.#kept.take(row)]));
    const others = await readOutbox(this.options.db, rows.filter(({ id }) => !ours.get(id)).map(({ id }) => id));
    let n = Number(firstN);
    const partitions = new Map<string, { topic: string; partition: number; records: Omit<LogRecord, 'offset'>[] }>();
    for (const { id, topic, partition } of rows) {
      const place = `${topic} ${partition}`;
      const append = partitions.get(place) ?? partitions.set(place, { topic, partition, records: [] }).get(place)!;
      const events = ours.get(id) ?? others.get(id);
      if (!events) throw Object.assign(new Error('Another relay took the lease and published this claim.'), { code: FENCED });
      for (const event of events) append.records.push(this.#record(event, n++));
    }
    return [...partitions.values()];
  }

  #record({ key, id, type, time, traceparent, json }: Said, n: number): Omit<LogRecord, 'offset'> {
    return {
      key, value: json === '' ? null : json,
      headers: {
        ce_specversion: '1.0', ce_id: id, ce_type: type, ce_source: `/yunke/${this.options.service}`, ce_time: time, ce_subject: key,
        'content-type': 'application/json', ce_yunken: String(n), ce_yunkeepoch: this.options.epoch, ...(traceparent && { traceparent }),
      },
    };
  }

  /** Whoever led meanwhile may have published it. */
  #forget(): void {
    this.#leading = false;
    this.#kept.clear();
  }

  #wake(): void {
    this.#dirty = true; // a wake between the empty claim and the wait must not be missed
    this.#awaken();
  }

  async #wait(ms: number): Promise<void> {
    if (this.#dirty || this.#stopping) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#awaken = () => (clearTimeout(timer), resolve());
    });
    this.#awaken = () => undefined;
  }

  get #leaseMs(): number {
    return this.options.leaseMs ?? 10_000;
  }
}

function group(rows: readonly Row[]): Claim[] {
  const claims = new Map<string, Row[]>();
  for (const row of rows) (claims.get(row.first_n) ?? claims.set(row.first_n, []).get(row.first_n)!).push(row);
  return [...claims].map(([firstN, members]) => ({ firstN, rows: members }));
}

/** Waits for both, so that neither is left running, then throws the first's error or the second's. */
async function bothOrThrow<A, B>(a: Promise<A>, b: Promise<B>): Promise<[A, B]> {
  const [first, second] = await Promise.allSettled([a, b]);
  if (first.status === 'rejected') throw first.reason;
  if (second.status === 'rejected') throw second.reason;
  return [first.value, second.value];
}
