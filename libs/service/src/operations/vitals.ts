import { Gauge } from 'prom-client';

import { Backlog, type EventLog } from '@yunke/events';
import type { Db } from '@yunke/postgres';
import { measureTimers } from '@yunke/timers';

const labelNames = ['service'] as const;

const gauges = {
  database: new Gauge({ name: 'yunke_database_up', help: '1 when the database answered within two seconds, else 0.', labelNames }),
  log: new Gauge({ name: 'yunke_log_up', help: '1 when the log answered within two seconds, else 0.', labelNames }),
  connections: new Gauge({ name: 'yunke_database_pool_connections', help: 'Connections of the pool, by state: used or idle.', labelNames: ['service', 'state'] }),
  most: new Gauge({ name: 'yunke_database_pool_max_connections', help: 'Connections that the pool may have.', labelNames }),
  waiting: new Gauge({ name: 'yunke_database_pool_waiting_requests', help: 'Requests that wait for a connection of the pool.', labelNames }),
};

const ANSWERS_WITHIN_MS = 2_000;
const LOG_EVERY_MS = 5_000;

export type VitalsOptions = {
  readonly service: string; readonly db: Db; readonly log: EventLog; readonly topics: readonly string[]; readonly timerKinds: readonly string[];
  readonly measure?: (db: Db) => Promise<void>;
  readonly report: (level: 'warn' | 'error', message: string, about: Record<string, unknown>) => void;
};

/** How a service is at the moment, looked up when somebody reads the metrics. An outage is told by a gauge and never holds up the answer. */
export class Vitals {
  readonly #backlog: Backlog;
  #database: Promise<boolean> | undefined;
  #log: Promise<boolean> | undefined;
  #logAskedAt = -Infinity;

  constructor(private readonly options: VitalsOptions) {
    this.#backlog = new Backlog(options);
  }

  /** Sets the gauges; those of what does not answer keep their last values. Never throws. */
  async look(): Promise<void> {
    const { service, db: { pool } } = this.options;
    gauges.connections.set({ service, state: 'used' }, pool.totalCount - pool.idleCount);
    gauges.connections.set({ service, state: 'idle' }, pool.idleCount);
    gauges.most.set({ service }, pool.options.max);
    gauges.waiting.set({ service }, pool.waitingCount);
    // An answer that is still awaited is not asked for twice: whoever scrapes often must not wear out what is slow already.
    this.#database ??= this.#lookAtDatabase().finally(() => (this.#database = undefined));
    const asksLog = this.#log !== undefined || performance.now() - this.#logAskedAt > LOG_EVERY_MS;
    if (asksLog) this.#log ??= this.#lookAtLog().finally(() => (this.#log = undefined));
    await Promise.all([told(gauges.database, service, this.#database), ...(asksLog ? [told(gauges.log, service, this.#log!)] : [])]);
  }

  async #lookAtDatabase(): Promise<boolean> {
    const { db, service, timerKinds, measure } = this.options;
    return this.#backlog.measure().then(() => measureTimers({ db, service, kinds: timerKinds })).then(() => measure?.(db)).then(() => true, (error: unknown) => this.#failed('database', error));
  }

  async #lookAtLog(): Promise<boolean> {
    this.#logAskedAt = performance.now();
    return this.#backlog.measureLag().then(() => true, (error: unknown) => this.#failed('log', error));
  }

  #failed(what: string, error: unknown): false {
    this.options.report('warn', 'the metrics cannot be told', { what, error });
    return false;
  }
}

/** Sets the gauge to whether the answer was yes, and came in time. */
async function told(up: Gauge<'service'>, service: string, answer: Promise<boolean>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<boolean>((resolve) => (timer = setTimeout(resolve, ANSWERS_WITHIN_MS, false)));
  up.set({ service }, (await Promise.race([answer, late])) ? 1 : 0);
  clearTimeout(timer);
}
