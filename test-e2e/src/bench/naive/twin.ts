import { setTimeout as pause } from 'node:timers/promises';

import { Client } from 'pg';

import type { Sent } from '../generator.js';
import { spreadOf, sum, type Spread } from '../figures.js';
import { together, usageBetween, type Usage } from '../meter.js';
import type { Stage } from '../stage.js';
import { Worker } from '../worker.js';
import { orderAt, type Workload } from '../workload.js';
import { TOPICS } from './contract.js';
import type { Question, Role } from './main.js';

const ROLES: readonly Role[] = ['door', 'identity', 'orders', 'segmentation'];
const REQUESTS_IN_FLIGHT = 4;
const STUCK_AFTER_MS = 60_000;
/** Orders before each round that are not measured: it stood still before. */
const LEAD_IN = 100;

export type Naive = { readonly eventsPerSecond: Spread; readonly events: number; readonly customers: number; readonly changesPerEvent: number; readonly usage: Usage };

/**
 * The same orders through what a usual NestJS team writes: validated by class-validator, one `save()`, one send and one handler
 * call an event. Same broker, same Postgres, a process and a database a service. The shop is as much smaller as the load is shorter,
 * so that a customer has as many orders. It takes its turns with the pipeline: on a machine whose speed changes nothing else can be compared.
 */
export class Twin {
  readonly #workers = new Map(ROLES.map((role) => [role, new Worker('./naive/main.js')]));
  readonly #stretches: { rate: number; usage: Usage; events: number }[] = [];
  #url = '';
  #database: Client | undefined;
  #changesBefore = 0;
  #sent = 0;

  private constructor(private readonly stage: Stage, private readonly workload: Workload) {}

  /** With its warm-up behind it. */
  static async of(stage: Stage, workload: Workload): Promise<Twin> {
    const twin = new Twin(stage, workload);
    try {
      await twin.#start();
    } catch (error) {
      await twin.stop();
      throw error;
    }
    return twin;
  }

  async #start(): Promise<void> {
    const { log, postgres } = this.stage;
    await log.createTopics(Object.values(TOPICS).map((topic) => ({ topic, partitions: 12, retentionHours: 24, compacted: false })));
    for (const [role, worker] of this.#workers) this.#url = (await start(this.stage, role, worker)).url ?? this.#url;
    this.#database = new Client({ connectionString: postgres.url('naive_segmentation') });
    this.#database.on('error', () => undefined); // its queries say it; when the server is stopped it would be said to nobody
    await this.#database.connect();
    await this.#stretch(this.workload.warmUp);
    this.#changesBefore = (await ends(this.stage)).changes;
  }

  /** So many more orders. */
  async round(events: number): Promise<void> {
    await this.#stretch(LEAD_IN);
    this.#stretches.push({ ...(await this.#stretch(events)), events });
  }

  /** It stands still meanwhile: its consumers use some of the machine even when nothing comes. */
  async aside(work: () => Promise<void>): Promise<void> {
    for (const worker of this.#workers.values()) process.kill(worker.pid, 'SIGSTOP');
    try {
      await work();
    } finally {
      for (const worker of this.#workers.values()) process.kill(worker.pid, 'SIGCONT');
    }
  }

  /** @throws Error when a customer's orders or revenue are not what was sent */
  async result(): Promise<Naive> {
    await judge(this.#database!, this.workload, this.#sent);
    return {
      eventsPerSecond: spreadOf(this.#stretches.map(({ rate }) => rate)), events: sum(this.#stretches.map(({ events }) => events)), customers: this.workload.customers,
      changesPerEvent: ((await ends(this.stage)).changes - this.#changesBefore) / (this.#sent - this.workload.warmUp),
      usage: together(this.#stretches.map(({ usage }) => usage)),
    };
  }

  async stop(): Promise<void> {
    for (const role of ROLES) this.stage.meter.unfollow(`naive ${role}`);
    await this.#database?.end();
    await Promise.all([...this.#workers.values()].map((worker) => worker.stop()));
  }

  /** From the first request until the last order is in its customer's record. */
  async #stretch(events: number): Promise<{ rate: number; usage: Usage }> {
    const { generator, meter } = this.stage;
    const [from, to] = [this.#sent, this.#sent + events];
    await generator.ask({ kind: 'prepare', workload: this.workload, from, to });
    const before = meter.read();
    const { accepted, startedAt } = await generator.ask<Sent>({ kind: 'send', url: this.#url, key: '', inFlight: REQUESTS_IN_FLIGHT });
    if (accepted !== events) throw new Error(`The twin accepted ${accepted} of ${events} orders.`);
    await this.#untilKnown(to);
    this.#sent = to;
    const seconds = (performance.timeOrigin + performance.now() - startedAt) / 1_000;
    return { rate: events / seconds, usage: usageBetween(before, meter.read()) };
  }

  async #untilKnown(orders: number): Promise<void> {
    let [known, movedAt] = [0, performance.now()];
    for (;;) {
      const { rows: [row] } = await this.#database!.query<{ orders: number }>('select coalesce(sum(orders), 0)::int as orders from customer');
      if (row!.orders > known) [known, movedAt] = [row!.orders, performance.now()];
      else if (performance.now() - movedAt > STUCK_AFTER_MS) throw new Error(`The twin stands still at ${known} of ${orders} orders.`);
      if (known >= orders) return;
      await pause(25);
    }
  }
}

async function start({ postgres, kafka, meter }: Stage, role: Role, worker: Worker): Promise<{ url?: string }> {
  const database = `naive_${role}`;
  await postgres.createDatabase(database);
  meter.follow(`naive ${role}`, worker.pid);
  meter.nameDatabase(database, `naive ${role}`);
  return worker.ask({ role, databaseUrl: postgres.url(database), brokers: kafka.brokers } satisfies Question);
}

async function ends({ log }: Stage): Promise<{ changes: number }> {
  return { changes: sum((await log.watermarks([TOPICS.changes])).get(TOPICS.changes)!.map(({ high }) => high)) };
}

async function judge(database: Client, workload: Workload, sent: number): Promise<void> {
  const expected = new Map<string, { orders: number; revenue: number }>();
  for (let index = 0; index < sent; index += 1) {
    const { customer, lines } = orderAt(workload, index);
    const { orders, revenue } = expected.get(customer) ?? { orders: 0, revenue: 0 };
    expected.set(customer, { orders: orders + 1, revenue: revenue + sum(lines.map(({ quantity, unitMinor }) => quantity * unitMinor)) });
  }
  const { rows } = await database.query<{ customer: string; orders: number; revenue: number }>(`select substr(subject, 9) as customer, orders, "revenueMinor"::float8 as revenue from customer`);
  const wrong = rows.filter(({ customer, orders, revenue }) => expected.get(customer)?.orders !== orders || expected.get(customer)?.revenue !== revenue);
  if (rows.length !== expected.size || wrong.length > 0) throw new Error(`The naive twin is wrong about ${wrong.length} of ${expected.size} customers, so there are no figures.`);
}
