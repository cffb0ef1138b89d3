import type { Sent } from './generator.js';
import { usageBetween, type Usage } from './meter.js';
import type { Stage } from './stage.js';
import type { Workload } from './workload.js';

const REQUESTS_IN_FLIGHT = 4;

/** A stretch of orders, from the first request until nothing waits anywhere. */
export type Stretch = {
  readonly events: number;
  readonly seconds: number;
  /** Until the last 202. */
  readonly sendingSeconds: number;
  readonly usage: Usage;
};

/**
 * Sends orders `from` to `to` as fast as they are taken and waits until every service has heard and said all that follows.
 * @throws Error when one of them was not accepted
 */
export async function runStretch({ generator, door, flow, meter }: Stage, workload: Workload, from: number, to: number): Promise<Stretch> {
  await generator.ask({ kind: 'prepare', workload, from, to });
  const before = meter.read();
  const sent = await generator.ask<Sent>({ kind: 'send', ...door, inFlight: REQUESTS_IN_FLIGHT });
  const endedAt = await flow.untilAtRest();
  const usage = usageBetween(before, meter.read());
  if (sent.accepted !== to - from) throw new Error(`${sent.accepted} of ${to - from} orders were accepted.`);
  return { events: to - from, seconds: (endedAt - sent.startedAt) / 1_000, sendingSeconds: (sent.endedAt - sent.startedAt) / 1_000, usage };
}
