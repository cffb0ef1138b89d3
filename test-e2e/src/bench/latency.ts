import { setTimeout as pause } from 'node:timers/promises';

import { streams } from '@yunke/contracts';
import { eachFetch } from '@yunke/events';
import { opaqueId, uuidv5 } from '@yunke/kernel';

import type { Paced } from './generator.js';
import { quantile } from './figures.js';
import { usageBetween, type Usage } from './meter.js';
import type { Stage } from './stage.js';
import { EVENTS_PER_REQUEST, FRESH_EVERY, messageIdOf, orderAt, orderIdOf, type Workload } from './workload.js';

const SECONDS = 24;
/** The first of them are for getting going. */
const DROPPED_SECONDS = 2;

export type Latency = {
  readonly eventsPerSecond: number; readonly seconds: number;
  /** Events that changed a segment and were measured, and those of new customers that never did. */
  readonly measured: number; readonly unanswered: number;
  readonly p50Ms: number; readonly p90Ms: number; readonly p99Ms: number; readonly maxMs: number;
  /** How late the generator itself was, at worst. */
  readonly generatorLatestMs: number;
  readonly usage: Usage;
};

/** So many orders `measureLatency` will send. */
export const ordersFor = (perSecond: number): number => Math.ceil((perSecond * SECONDS) / EVENTS_PER_REQUEST) * EVENTS_PER_REQUEST;

/**
 * From the scheduled instant of an order's request until a reader of the changes has the last change that the order caused: the same
 * load at a fixed rate, and now and then an order from somebody new, whose first order always changes segments.
 */
export async function measureLatency(stage: Stage, workload: Workload, from: number, perSecond: number): Promise<Latency> {
  const { generator, meter, flow, door } = stage;
  const to = from + ordersFor(perSecond);
  const causes = causesOf(stage, workload, from, to);
  const readAt = new Map<number, number>();
  const reader = await listen(stage, (cause, at) => {
    const index = causes.get(cause);
    if (index !== undefined) readAt.set(index, at); // the last one counts
  });
  await generator.ask({ kind: 'prepare', workload, from, to });
  const before = meter.read();
  const paced = await generator.ask<Paced>({ kind: 'pace', ...door, perSecond });
  const usage = usageBetween(before, meter.read());
  await flow.untilAtRest();
  await pause(1_000); // the reader's last look
  await reader.stop();
  if (paced.accepted !== to - from) throw new Error(`${paced.accepted} of ${to - from} orders were accepted.`);
  const first = from + perSecond * DROPPED_SECONDS;
  const taken = [...readAt].filter(([index]) => index >= first).map(([index, at]) => at - (paced.startedAt + Math.floor((index - from) / EVENTS_PER_REQUEST) * paced.everyMs));
  let unanswered = 0;
  for (let index = from; index < to; index += 1) if (index % FRESH_EVERY === 0 && !readAt.has(index)) unanswered += 1;
  if (unanswered > 0) throw new Error(`${unanswered} first orders of new customers led to no change that names them as its cause.`);
  return {
    eventsPerSecond: perSecond, seconds: SECONDS - DROPPED_SECONDS, measured: taken.length, unanswered,
    p50Ms: quantile(taken, 0.5), p90Ms: quantile(taken, 0.9), p99Ms: quantile(taken, 0.99), maxMs: quantile(taken, 1), generatorLatestMs: paced.latestMs, usage,
  };
}

/**
 * Which event a change belongs to, by the change's cause: the fact that orders say of the observation or, where the order was heard
 * before its customer was known, the profile's record. Ids of facts follow from their causes (design 3.3).
 */
function causesOf({ platform }: Stage, workload: Workload, from: number, to: number): Map<string, number> {
  const { secret } = platform.credentials;
  const causes = new Map<string, number>();
  const factId = (cause: string, service: string, type: string, key: string): string => uuidv5(`${cause}|${service}|${type}|${key}|0`);
  for (let index = from; index < to; index += 1) {
    const observation = uuidv5(`shop|${messageIdOf(index)}|OrderObserved|0`);
    const profile = opaqueId(secret, 'subject', `shop:account:${orderAt(workload, index).customer}`);
    causes.set(factId(observation, 'orders', 'OrderPlaced', opaqueId(secret, 'orderId', `shop:${orderIdOf(index)}`)), index);
    causes.set(factId(observation, 'identity', 'ProfileRecorded', profile), index);
  }
  return causes;
}

/** Reads the changes from their present end on. Returns when it does. */
async function listen({ log, flow }: Stage, told: (cause: string, at: number) => void): Promise<{ stop(): Promise<void> }> {
  const { topic } = streams.segmentationChanges;
  const ends = (await flow.ends()).get(topic)!;
  const begun = new Set<number>();
  const reader = await log.consume({
    group: `bench-${crypto.randomUUID()}`, topics: [topic], assigned: () => undefined, failed: (error) => console.error(error),
    heard: eachFetch(async ({ partition, from, next, records }) => {
      begun.add(partition);
      const end = ends[partition]!.high;
      if (from < end) return { kind: 'continue', at: end };
      const at = performance.timeOrigin + performance.now();
      for (const { value } of records) told(/"cause":"([^"]+)"/.exec(value!)?.[1] ?? '', at);
      return { kind: 'continue', at: next };
    }),
  });
  const used = ends.filter(({ high }) => high > 0).length;
  while (begun.size < used) await pause(50);
  return reader;
}
