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
const ROUNDS = 5;
const REQUESTS_IN_FLIGHT = 4;
const STUCK_AFTER_MS = 60_000;

export type Naive = { readonly eventsPerSecond: Spread; readonly events: number; readonly customers: number; readonly changesPerEvent: number; readonly usage: Usage };

/**
 * The same orders through what a usual NestJS team writes: validated by class-validator, one `save()`, one send and one handler
 * call an event. Same broker, same Postgres, a process and a database a service. The shop is as much smaller as the load is shorter,
 * so that a customer has as many orders. @throws Error when a customer's orders or revenue are not what was sent
 */
export async function measureNaive(stage: Stage, workload: Workload, events: number): Promise<Naive> {
  const { log, meter } = stage;
  await log.createTopics(Object.values(TOPICS).map((topic) => ({ topic, partitions: 12, retentionHours: 24, compacted: false })));
  const workers = new Map(ROLES.map((role) => [role, new Worker('./naive/main.js')]));
  let [url, database] = ['', undefined as Client | undefined];
  try {
    for (const [role, worker] of workers) url = (await start(stage, role, worker)).url ?? url;
    database = new Client({ connectionString: stage.postgres.url('naive_segmentation') });
    await database.connect();
    await stretch(stage, { url, workload, database }, 0, workload.warmUp);
    const before = (await ends(stage)).changes;
    const stretches: { rate: number; usage: Usage }[] = [];
    for (let round = 0; round < ROUNDS; round += 1) {
      const from = workload.warmUp + Math.floor((events * round) / ROUNDS);
      stretches.push(await stretch(stage, { url, workload, database }, from, workload.warmUp + Math.floor((events * (round + 1)) / ROUNDS)));
    }
    await judge(database, workload, workload.warmUp + events);
    return {
      eventsPerSecond: spreadOf(stretches.map(({ rate }) => rate)), events, customers: workload.customers, changesPerEvent: ((await ends(stage)).changes - before) / events,
      usage: together(stretches.map(({ usage }) => usage)),
    };
  } finally {
    for (const role of ROLES) meter.unfollow(`naive ${role}`);
    await database?.end();
    await Promise.all([...workers.values()].map((worker) => worker.stop()));
  }
}

async function start({ postgres, kafka, meter }: Stage, role: Role, worker: Worker): Promise<{ url?: string }> {
  const database = `naive_${role}`;
  await postgres.createDatabase(database);
  meter.follow(`naive ${role}`, worker.pid);
  meter.nameDatabase(database, `naive ${role}`);
  return worker.ask({ role, databaseUrl: postgres.url(database), brokers: kafka.brokers } satisfies Question);
}

/** From the first request until the last order is in its customer's record. */
async function stretch({ generator, meter }: Stage, { url, workload, database }: { url: string; workload: Workload; database: Client }, from: number, to: number): Promise<{ rate: number; usage: Usage }> {
  await generator.ask({ kind: 'prepare', workload, from, to });
  const before = meter.read();
  const { accepted, startedAt } = await generator.ask<Sent>({ kind: 'send', url, key: '', inFlight: REQUESTS_IN_FLIGHT });
  if (accepted !== to - from) throw new Error(`The twin accepted ${accepted} of ${to - from} orders.`);
  let [known, movedAt] = [0, performance.now()];
  while (known < to) {
    const { rows: [row] } = await database.query<{ orders: number }>('select coalesce(sum(orders), 0)::int as orders from customer');
    if (row!.orders > known) [known, movedAt] = [row!.orders, performance.now()];
    else if (performance.now() - movedAt > STUCK_AFTER_MS) throw new Error(`The twin stands still at ${known} of ${to} orders.`);
    if (known < to) await pause(25);
  }
  const seconds = (performance.timeOrigin + performance.now() - startedAt) / 1_000;
  return { rate: (to - from) / seconds, usage: usageBetween(before, meter.read()) };
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
