import { streams, type Stream } from '@yunke/contracts';

import { spreadOf, sum, type Spread } from './figures.js';
import type { Moved } from './flow.js';
import { fastest, titleOfOutbox, type RawPostgres } from './raw-postgres.js';
import type { RawKafka } from './raw-kafka.js';
import { MEASURED } from './measured-services.js';

/** One part of what an event cannot do without: so many units an event, at so many a second. */
export type Part = { readonly what: string; readonly form: string; readonly perEvent: number; readonly rate: Spread; readonly micros: number };
export type Floor = { readonly parts: readonly Part[]; readonly eventsPerSecond: number; readonly produce: Spread; readonly consume: Spread; readonly combined: Spread };

/** F = 1 / (records produced per event ÷ K_produce + records consumed per event ÷ K_consume + Σ rows per event ÷ P). */
export function floorOf(raw: readonly RawKafka[], postgres: RawPostgres, perEvent: { moved: Moved; written: ReadonlyMap<string, number> }): Floor {
  const [produce, consume] = [spreadOf(raw.map((one) => one.produce)), spreadOf(raw.map((one) => one.consume))];
  const combined = spreadOf(raw.map((one) => 1 / (1 / one.produce + 1 / one.consume)));
  const parts = [
    part('records produced', 'kafkajs sendBatch', sum(Object.values(perEvent.moved.produced)), produce),
    part('records consumed', 'kafkajs eachBatch', sum(Object.values(perEvent.moved.consumed)), consume),
    ...postgres.shapes.map((shape) => {
      const { form, rate } = fastest(shape);
      return part(shape.title, form, perEvent.written.get(shape.title) ?? outboxEvents(perEvent.moved).get(shape.title) ?? 0, rate);
    }).filter((one) => one.perEvent > 0),
  ];
  return { parts, eventsPerSecond: 1_000_000 / sum(parts.map(({ micros }) => micros)), produce, consume, combined };
}

const part = (what: string, form: string, perEvent: number, rate: Spread): Part => ({ what, form, perEvent, rate, micros: (perEvent * 1_000_000) / rate.median });

/** What each service says per event, by the title of its outbox's shape. */
function outboxEvents({ produced }: Moved): Map<string, number> {
  return new Map(MEASURED.map((service) => {
    const topics = new Set(Object.values<Stream>(streams).filter((stream) => stream.service === service).map(({ topic }) => topic));
    return [titleOfOutbox(service), sum(Object.entries(produced).map(([topic, records]) => (topics.has(topic) ? records : 0)))];
  }));
}
