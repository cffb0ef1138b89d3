import { Server, type CustomTransportStrategy } from '@nestjs/microservices';
import { calledWithTx, measured, type EventLog } from '@yunke/events';
import { isTransient, type Db } from '@yunke/postgres';

import { heardThrough } from './horizon.js';
import type { Due } from './timer.js';

const TIMERS = Symbol('yunke.timers');
const KEYS_PER_CHUNK = 500;
const LONGEST_SLEEP_MS = 1_000;
const SHORTEST_SLEEP_MS = 100;
/** A partition that says nothing for so long no longer holds time up. */
const PATIENCE_MS = 60_000;

/** Is called with the keys of this kind that are due: `(due: Due, tx: Tx)`. Lock the keys as the handlers do, look again, act. */
export function OnTimer(kind: string): MethodDecorator {
  return calledWithTx(kind, TIMERS);
}

export type TimerTransportOptions = {
  readonly db: Db;
  readonly log: EventLog;
  readonly service: string;
  /** What the service hears: time goes no further than what was heard of it. */
  readonly topics: () => readonly string[];
  readonly report: (level: 'warn' | 'error', message: string, about: Record<string, unknown>) => void;
};

/** Fires durable timers, in order of due time, in transactions with the state and the outbox. */
export class TimerTransport extends Server implements CustomTransportStrategy {
  override transportId = TIMERS;
  override readonly propagatesEventHandlerErrors = true;
  #stopping = false;
  #awaken: () => void = () => undefined;
  #running: Promise<void> = Promise.resolve();

  constructor(private readonly options: TimerTransportOptions) {
    super();
  }

  /** The kinds of timers that the service's methods handle. */
  get kinds(): string[] {
    return [...this.messageHandlers.keys()];
  }

  listen(done: () => void): void {
    if (this.messageHandlers.size > 0) this.#running = this.#run();
    done();
  }

  async close(): Promise<void> {
    this.#stopping = true;
    this.#awaken();
    await this.#running;
  }

  on(): never {
    throw new Error('Timers have no events of their own.');
  }

  unwrap<T>(): T {
    return this.options.db as T;
  }

  async #run(): Promise<void> {
    while (!this.#stopping) {
      try {
        await this.#sleep(await this.#fire());
      } catch (error) {
        this.options.report(isTransient(error) ? 'warn' : 'error', 'timers will be tried again', { service: this.options.service, error });
        await this.#sleep(LONGEST_SLEEP_MS);
      }
    }
  }

  /** Fires what is ripe. Returns the milliseconds until it is worth looking again. */
  async #fire(): Promise<number> {
    const { db, log, service, topics } = this.options;
    const { kinds } = this;
    const now = await db.now();
    const [first] = await this.#due(kinds, { until: Infinity, limit: 1 });
    const soonest = first?.due ?? Infinity;
    if (soonest > now) return Math.min(LONGEST_SLEEP_MS, Math.max(SHORTEST_SLEEP_MS, soonest - now));

    const until = Math.max(await heardThrough(db, log, topics()), now - PATIENCE_MS);
    const ripe = soonest > until ? [] : await this.#due(kinds, { until, limit: KEYS_PER_CHUNK });
    for (const kind of kinds) {
      const keys = ripe.filter((timer) => timer.kind === kind).map(({ key }) => key).sort();
      if (keys.length > 0) await measured({ service, handler: `timer:${kind}` }, () => db.tx((tx) => this.messageHandlers.get(kind)!({ kind, keys, until } satisfies Due, tx)));
    }
    return ripe.length === KEYS_PER_CHUNK ? 0 : SHORTEST_SLEEP_MS;
  }

  #due(kinds: readonly string[], { until, limit }: { until: number; limit: number }): Promise<{ kind: string; key: string; due: number }[]> {
    return this.options.db.query(
      `select kind, key, extract(epoch from due_at)::float8 * 1000 as due from timers
       where kind = any($1) and due_at <= to_timestamp($2::float8 / 1000) order by due_at, kind, key limit $3`, [kinds, until, limit]);
  }

  async #sleep(ms: number): Promise<void> {
    if (this.#stopping || ms === 0) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#awaken = () => (clearTimeout(timer), resolve());
    });
  }
}
