import { setTimeout as pause } from 'node:timers/promises';

import { Client } from 'pg';

import { streams, type Stream } from '@yunke/contracts';
import type { EventLog } from '@yunke/events';

import type { Platform } from '../platform/platform.js';
import { sum } from './figures.js';
import { MEASURED, type MeasuredService } from './measured-services.js';

const LOOK_EVERY_MS = 100;
/** What an order makes its way through: a reader that has not begun has no position to tell. */
const HEARD: Readonly<Record<MeasuredService, readonly Stream[]>> = {
  ingestion: [], identity: [streams.orderObservations, streams.identityProfiles], orders: [streams.orderObservations, streams.inventoryReservations],
  segmentation: [streams.ordersChanges, streams.identityProfiles, streams.segmentationMemberships],
  inventory: [streams.ordersLines], notifications: [streams.ordersChanges, streams.identityProfiles, streams.segmentationChanges],
};
/** Those that are the last to come to rest first: while the platform works, one of them is asked and says no. */
const LAST_FIRST = [...MEASURED].reverse().sort((a, b) => HEARD[b].length - HEARD[a].length);
const ALL_TOPICS = [...new Set(Object.values<Stream>(streams).map(({ topic }) => topic))].filter((topic) => MEASURED.some((service) => topic.startsWith(`yunke.${service}.`)));

type Standing = { readonly waits: boolean; readonly positions: readonly { topic: string; partition: number; next: number }[] };

/** How many records a service has said or heard since its beginning, by topic. */
export type Counts = Record<string, number>;
export type Moved = { readonly produced: Counts; readonly consumed: Counts };

/** What moves through the platform: what waits in outboxes, where every reader stands, and where each topic ends. */
export class Flow {
  private constructor(private readonly log: EventLog, private readonly databases: ReadonlyMap<MeasuredService, Client>) {}

  static async of(platform: Platform, log: EventLog): Promise<Flow> {
    const databases = new Map<MeasuredService, Client>();
    for (const service of MEASURED) {
      const client = new Client({ connectionString: platform.databaseUrl(service), application_name: 'bench', options: '-c enable_seqscan=off' }); // the outbox is full of rows that are gone
      await client.connect();
      databases.set(service, client);
    }
    return new Flow(log, databases);
  }

  database(service: MeasuredService): Client {
    return this.databases.get(service)!;
  }

  /**
   * Whether nothing waits anywhere. A database tells its outbox and its positions in one snapshot, and the ends of the topics are
   * read after all of those: so whoever was found at the end of a topic had said all that followed from it.
   */
  async isAtRest(): Promise<boolean> {
    const standings: Standing[] = [];
    for (const service of LAST_FIRST) {
      const standing = await this.#standing(service);
      if (standing.waits) return false;
      standings.push(standing);
    }
    const ends = await this.log.watermarks(ALL_TOPICS);
    return standings.every(({ positions }, index) => {
      const heard = new Map(positions.map(({ topic, partition, next }) => [`${topic}/${partition}`, next]));
      const topics = new Set([...HEARD[LAST_FIRST[index]!].map(({ topic }) => topic), ...positions.map(({ topic }) => topic)].filter((topic) => ends.has(topic))); // of a topic that none of these says, nothing is waited for
      return [...topics].every((topic) => ends.get(topic)!.every(({ low, high }, partition) => (heard.get(`${topic}/${partition}`) ?? low) >= high));
    });
  }

  /** Waits until nothing waits anywhere. Returns when that was found. @throws Error after `withinMs` without it */
  async untilAtRest(withinMs = 300_000): Promise<number> {
    const until = performance.now() + withinMs;
    while (!(await this.isAtRest())) {
      if (performance.now() > until) throw new Error(`The platform did not come to rest within ${withinMs / 1_000} s.`);
      await pause(LOOK_EVERY_MS);
    }
    return performance.timeOrigin + performance.now();
  }

  async counts(): Promise<Moved> {
    const ends = await this.log.watermarks(ALL_TOPICS);
    const produced = Object.fromEntries([...ends].map(([topic, partitions]) => [topic, sum(partitions.map(({ high }) => high))]));
    const consumed: Counts = {};
    for (const service of MEASURED) {
      for (const { topic, next } of (await this.#standing(service)).positions) consumed[`${service} ${topic}`] = (consumed[`${service} ${topic}`] ?? 0) + next;
    }
    return { produced, consumed };
  }

  /** The next offset of every partition. */
  ends(): ReturnType<EventLog['watermarks']> {
    return this.log.watermarks(ALL_TOPICS);
  }

  async close(): Promise<void> {
    for (const client of this.databases.values()) await client.end();
  }

  async #standing(service: MeasuredService): Promise<Standing> {
    const { rows } = await this.database(service).query<Standing>(
      `select exists (select from outbox) or exists (select from relay_batch) as waits,
         (select coalesce(json_agg(json_build_object('topic', topic, 'partition', partition, 'next', next_offset)), '[]') from consumer_position) as positions`);
    return rows[0]!;
  }
}

/** What came between two counts, per event. */
export function movedPerEvent(before: Moved, after: Moved, events: number): Moved {
  const difference = (a: Counts, b: Counts): Counts => Object.fromEntries(Object.entries(b).map(([name, count]): [string, number] => [name, (count - (a[name] ?? 0)) / events]).filter(([, count]) => count > 0));
  return { produced: difference(before.produced, after.produced), consumed: difference(before.consumed, after.consumed) };
}
