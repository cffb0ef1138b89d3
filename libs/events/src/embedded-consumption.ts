import type { Db } from '@yunke/postgres';

import type { Consumption, ConsumeOptions, Fetch, LogRecord } from './log.js';

const LEASE_MS = 5_000;
const LOOK_EVERY_MS = 1_000;
const RECORDS_PER_FETCH = 2_000; // of a topic, shared by the partitions that have news

type Mine = { readonly topic: string; readonly partition: number; at: number; notBefore: number; stopped: boolean };

/** One member of a group: it shares the topics' partitions with the other living members, by rank, and hears its own in order. */
export class EmbeddedConsumption implements Consumption {
  readonly #member = crypto.randomUUID();
  #mine = new Map<string, Mine>();
  #generation = '';
  #beatenAt = -Infinity;
  #stopping = false;
  #dirty = true;
  #awaken: () => void = () => undefined;
  #running: Promise<void> = Promise.resolve();

  constructor(private readonly db: Db, private readonly options: ConsumeOptions, private readonly gone: () => void) {}

  async start(): Promise<void> {
    await this.#share();
    this.#running = this.#run();
  }

  tell(): void {
    this.#dirty = true;
    this.#awaken();
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    this.tell();
    await this.#running;
    await this.db.query('select log_leave($1, $2)', [this.options.group, this.#member]).catch(() => undefined);
    this.gone();
  }

  async #run(): Promise<void> {
    while (!this.#stopping) {
      try {
        if (performance.now() - this.#beatenAt > LEASE_MS / 3) await this.#share();
        this.#dirty = false;
        const moved = await this.#round();
        if (!moved) await this.#wait();
      } catch {
        if (this.#stopping) return;
        this.#mine = new Map(); // the database is away (its own alarms say so); our share may be somebody else's by now
        this.#beatenAt = -Infinity;
        await new Promise((resolve) => setTimeout(resolve, 500));
      }
    }
  }

  /** Renews our lease and takes the partitions whose turn it is: every n-th of the sorted list for n living members. */
  async #share(): Promise<void> {
    const { group, topics } = this.options;
    const [state] = await this.db.query<{ generation: string; members: string[] }>('select * from log_join($1, $2, $3)', [group, this.#member, LEASE_MS]);
    const { generation, members } = state!;
    const isOther = generation !== this.#generation; // a rebalance: what we were told of a partition is forgotten, as on Kafka
    this.#generation = generation;
    const partitions = await this.db.query<{ topic: string; partition: number; low: number }>(
      'select topic, partition, low::float8 as low from log_partition where topic = any($1) order by topic, partition', [topics]);
    const rank = members.indexOf(this.#member);
    const mine = new Map<string, Mine>();
    for (const [index, { topic, partition, low }] of partitions.entries()) {
      if (index % members.length !== rank) continue;
      const place = `${topic}/${partition}`;
      const known = this.#mine.get(place);
      if (known && !isOther) mine.set(place, known);
      else {
        mine.set(place, { topic, partition, at: known?.at ?? low, notBefore: 0, stopped: false });
        this.options.assigned(topic, partition);
      }
    }
    this.#mine = mine;
    this.#beatenAt = performance.now();
  }

  /** Looks once at every partition that has news, topic by topic. Returns whether there was any. */
  async #round(): Promise<boolean> {
    const now = performance.now();
    const waiting = [...this.#mine.values()].filter(({ stopped, notBefore }) => !stopped && notBefore <= now);
    if (waiting.length === 0) return false;
    const marks = await this.db.query<{ topic: string; partition: number; high: number }>(
      `select topic, partition, high::float8 as high from log_partition where topic = any($1)`, [this.options.topics]);
    const high = new Map(marks.map((mark) => [`${mark.topic}/${mark.partition}`, mark.high]));
    const news = waiting.map((mine) => ({ mine, high: high.get(`${mine.topic}/${mine.partition}`)! })).filter(({ mine, high: end }) => end > mine.at);
    await Promise.all([...Map.groupBy(news, ({ mine }) => mine.topic)].map(([topic, those]) => this.#hear(topic, those)));
    return news.length > 0;
  }

  async #hear(topic: string, news: readonly { mine: Mine; high: number }[]): Promise<void> {
    if (this.#stopping) return;
    const verdicts = await this.options.heard(await this.#fetch(topic, news), () => this.#beat());
    for (const [index, { mine }] of news.entries()) {
      const verdict = verdicts[index]!;
      if (verdict.kind === 'stop') mine.stopped = true;
      else mine.at = verdict.at;
      if (verdict.kind === 'retry') mine.notBefore = performance.now() + verdict.afterMs;
    }
  }

  async #fetch(topic: string, news: readonly { mine: Mine; high: number }[]): Promise<Fetch[]> {
    const limit = Math.ceil(RECORDS_PER_FETCH / news.length);
    const rows = await this.db.query<Omit<LogRecord, 'headers'> & { partition: number; headers: string }>(
      `select asked.partition, r."offset"::float8 as offset, r.key, r.value, r.headers
       from unnest($2::int[], $3::bigint[]) as asked (partition, at) cross join lateral (
         select * from log_record where topic = $1 and partition = asked.partition and "offset" >= asked.at order by log_record."offset" limit $4) r
       order by asked.partition, r."offset"`, [topic, news.map(({ mine }) => mine.partition), news.map(({ mine }) => mine.at), limit]);
    const found = Map.groupBy(rows, ({ partition }) => partition);
    return news.map(({ mine: { partition, at }, high }): Fetch => {
      const records = (found.get(partition) ?? []).map(({ offset, key, value, headers }): LogRecord => ({ offset, key, value, headers: JSON.parse(headers) as Record<string, string> }));
      const next = records.length < limit ? Math.max(high, (records.at(-1)?.offset ?? -1) + 1) : records.at(-1)!.offset + 1;
      return { topic, partition, from: at, next, records };
    });
  }

  async #beat(): Promise<void> {
    if (performance.now() - this.#beatenAt > LEASE_MS / 3) await this.#share();
  }

  async #wait(): Promise<void> {
    if (this.#dirty || this.#stopping) return;
    const soonest = Math.min(...[...this.#mine.values()].filter(({ stopped }) => !stopped).map(({ notBefore }) => notBefore));
    const ms = Math.max(1, Math.min(LOOK_EVERY_MS, soonest > performance.now() ? soonest - performance.now() : LOOK_EVERY_MS));
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#awaken = () => (clearTimeout(timer), resolve());
    });
    this.#awaken = () => undefined;
  }
}
