import type { Db } from '@yunke/postgres';

import type { Consumption, ConsumeOptions, Fetch, LogRecord } from './log.js';

const LEASE_MS = 5_000;
const LOOK_EVERY_MS = 1_000;
const RECORDS_PER_FETCH = 1_000;
const AT_ONCE = 4;

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

  /** Looks once at every partition that has news; a few at a time. Returns whether there was any. */
  async #round(): Promise<boolean> {
    const now = performance.now();
    const waiting = [...this.#mine.values()].filter(({ stopped, notBefore }) => !stopped && notBefore <= now);
    if (waiting.length === 0) return false;
    const marks = await this.db.query<{ topic: string; partition: number; high: number }>(
      `select topic, partition, high::float8 as high from log_partition where topic = any($1)`, [this.options.topics]);
    const high = new Map(marks.map((mark) => [`${mark.topic}/${mark.partition}`, mark.high]));
    const news = waiting.filter((mine) => high.get(`${mine.topic}/${mine.partition}`)! > mine.at);
    let next = 0;
    const worker = async (): Promise<void> => {
      for (let mine = news[next++]; mine && !this.#stopping; mine = news[next++]) await this.#hear(mine, high.get(`${mine.topic}/${mine.partition}`)!);
    };
    await Promise.all(Array.from({ length: AT_ONCE }, worker));
    return news.length > 0;
  }

  async #hear(mine: Mine, high: number): Promise<void> {
    const verdict = await this.options.heard(await this.#fetch(mine, high), () => this.#beat());
    if (verdict.kind === 'stop') mine.stopped = true;
    else mine.at = verdict.at;
    if (verdict.kind === 'retry') mine.notBefore = performance.now() + verdict.afterMs;
  }

  async #fetch({ topic, partition, at }: Mine, high: number): Promise<Fetch> {
    const rows = await this.db.query<Omit<LogRecord, 'headers'> & { headers: string }>(
      `select "offset"::float8 as offset, key, value, headers from log_record
       where topic = $1 and partition = $2 and "offset" >= $3 order by log_record."offset" limit ${RECORDS_PER_FETCH}`, [topic, partition, at]);
    const records = rows.map((row): LogRecord => ({ ...row, headers: JSON.parse(row.headers) as Record<string, string> }));
    const next = records.length < RECORDS_PER_FETCH ? Math.max(high, (records.at(-1)?.offset ?? -1) + 1) : records.at(-1)!.offset + 1;
    return { topic, partition, from: at, next, records };
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
