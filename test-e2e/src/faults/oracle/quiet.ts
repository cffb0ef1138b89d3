import { setTimeout as pause } from 'node:timers/promises';

import { query, type Evidence } from './evidence.js';
import { marksOf } from './kafka-reader.js';
import { TOPICS } from './ledger.js';

const PROFILES = 'yunke.identity.profiles.v1';

const HEARS: Readonly<Record<string, readonly string[]>> = {
  ingestion: [],
  identity: ['yunke.ingestion.customer-observations.v1', 'yunke.ingestion.behaviour-observations.v1', TOPICS.orderObservations, TOPICS.returnObservations, PROFILES],
  orders: [TOPICS.orderObservations, TOPICS.returnObservations, 'yunke.inventory.reservations.v1'],
  segmentation: [TOPICS.ordersChanges, TOPICS.ordersReturns, PROFILES, 'yunke.segmentation.memberships.v1'],
  inventory: ['yunke.ingestion.stock-observations.v1', 'yunke.orders.lines.v1'],
  notifications: [TOPICS.ordersChanges, TOPICS.segmentationChanges, 'yunke.inventory.alerts.v1', PROFILES],
  counter: [TOPICS.orderObservations, TOPICS.ordersChanges],
};

const LOOK_EVERY_MS = 150;

/** What still moves: events that wait in outboxes, and records that a service has not heard. */
export async function waiting({ brokers, services, databaseUrl }: Evidence): Promise<{ unsaid: number; unheard: number; at: string }> {
  const topics = [...new Set(services.flatMap((service) => HEARS[service]!))];
  const marks = await marksOf(brokers, topics);
  const found = await Promise.all(services.map(async (service) => {
    const url = databaseUrl(service);
    const [said] = await query<{ unsaid: number }>(url, 'select coalesce(sum(events), 0)::int + (select count(*)::int from relay_batch) as unsaid from outbox');
    const rows = await query<{ topic: string; partition: number; next: number }>(url, 'select topic, partition, next_offset::float8 as next from consumer_position');
    const positions = new Map(rows.map(({ topic, partition, next }) => [`${topic}/${partition}`, next]));
    let unheard = 0;
    for (const topic of HEARS[service]!) for (const [partition, { low, high }] of marks.get(topic)!.entries()) unheard += high - (positions.get(`${topic}/${partition}`) ?? low);
    return { unsaid: said!.unsaid, unheard, at: `${said!.unsaid} ${[...positions.values()].reduce((sum, next) => sum + next, 0)}` };
  }));
  return { unsaid: sum(found.map(({ unsaid }) => unsaid)), unheard: sum(found.map(({ unheard }) => unheard)), at: found.map(({ at }) => at).join(' | ') };
}

const sum = (numbers: readonly number[]): number => numbers.reduce((total, one) => total + one, 0);

/** Waits until nothing is unsaid or unheard. Returns what still is when nothing has moved for `stuckAfterMs`. */
export async function quiet(evidence: Evidence, stuckAfterMs: number): Promise<{ unsaid: number; unheard: number }> {
  let last = '';
  let movedAt = performance.now();
  for (let calm = 0; ;) {
    const now = await waiting(evidence).catch((error: Error) => ({ unsaid: -1, unheard: -1, at: error.message }));
    calm = now.unsaid === 0 && now.unheard === 0 && now.at === last ? calm + 1 : 0;
    if (now.at !== last) movedAt = performance.now();
    last = now.at;
    if (calm >= 2 || performance.now() - movedAt > stuckAfterMs) return { unsaid: now.unsaid, unheard: now.unheard };
    await pause(LOOK_EVERY_MS);
  }
}
