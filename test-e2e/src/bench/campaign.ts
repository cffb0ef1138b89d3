import { streams } from '@yunke/contracts';

import { alone } from './alone.js';
import { measureDoor, type Door } from './door.js';
import { spreadOf, sum, type Spread } from './figures.js';
import { movedPerEvent, type Flow, type Moved } from './flow.js';
import { floorOf, type Floor } from './floor.js';
import { measureLatency, ordersFor, type Latency } from './latency.js';
import { together, type Usage } from './meter.js';
import { Twin, type Naive } from './naive/twin.js';
import { judge } from './oracle.js';
import { OutboxRows } from './outbox-rows.js';
import { runStretch, type Stretch } from './pipeline.js';
import type { Range, RawKafka } from './raw-kafka.js';
import { RawPostgres } from './raw-postgres.js';
import type { Settings } from './settings.js';
import type { Stage } from './stage.js';
import { Worker } from './worker.js';
import type { Workload } from './workload.js';
import { batchingOf, isCounted, writtenPerEvent, writtenSoFar, type Batching } from './written-rows.js';

export const SEED = 1;
export const CUSTOMERS = 20_000;
const ROUNDS = 5;
/** Orders before each round that are not measured: whoever stood still has connections to make anew, or a group to join. */
const LEAD_IN = 1_000;
const RECORDS_PER_ROUND = 40_000;
const LEAST_CHANGES_PER_EVENT = 0.2;
/** What is written more seldom than this is not worth a shape of the floor. */
const LEAST_ROWS_PER_EVENT = 0.002;

export type Campaign = {
  readonly rates: Spread; readonly stretches: readonly Stretch[]; readonly usage: Usage; readonly perEvent: Moved; readonly batching: Batching; readonly changesPerEvent: number;
  /** What one row and its commit take, in µs: without it no batch can be judged. */
  readonly commitMicros: Spread;
  readonly floor: Floor; readonly rawKafka: readonly RawKafka[];
  readonly latency: Latency; readonly customers: number; readonly door: Door; readonly naive: Naive; readonly memoryMb: Record<string, number>;
  /** With CPU profiles being taken everything is slower. */
  readonly profiled: boolean;
};

type Pipeline = Pick<Campaign, 'rates' | 'stretches' | 'usage' | 'perEvent' | 'batching' | 'changesPerEvent' | 'floor' | 'rawKafka' | 'commitMicros' | 'naive' | 'memoryMb'>;

/** Everything, in one run: the pipeline, the raw rates and the twin in turns, latency at half that load, the oracle, the door. */
export async function campaign(stage: Stage, settings: Settings, note: (text: string) => void): Promise<Campaign> {
  const sent = settings.warmUp + ordersOf(settings);
  const workload: Workload = { seed: SEED, customers: CUSTOMERS, warmUp: settings.warmUp, freshFrom: sent, base: Date.now() };
  const pipeline = await measurePipeline(stage, workload, settings, note);
  const half = Math.floor(pipeline.rates.median / 2);
  note(`latency at ${half} events/s`);
  const latency = await measureLatency(stage, workload, sent, half);
  note('the oracle: every customer');
  const sentByNow = sent + ordersFor(half);
  const { customers } = await judge(stage.platform, workload, sentByNow);
  note('the door');
  const door = await measureDoor(stage, workload, sentByNow);
  return { ...pipeline, latency, customers, door, profiled: settings.profile !== undefined };
}

/** The same shop with as many orders a customer, for a shorter run. */
function smaller(workload: Workload, { events, warmUp, naiveEvents }: Settings): Workload {
  const scale = naiveEvents / events;
  return { ...workload, customers: Math.ceil(workload.customers * scale), warmUp: Math.ceil(warmUp * scale), freshFrom: Number.MAX_SAFE_INTEGER };
}

async function measurePipeline(stage: Stage, workload: Workload, settings: Settings, note: (text: string) => void): Promise<Pipeline> {
  const { flow, meter, postgres } = stage;
  const { warmUp } = settings;
  note(`warming up with ${warmUp} orders`);
  const outboxes = new OutboxRows(flow);
  try {
    await runStretch(stage, workload, 0, warmUp);
  } finally {
    await outboxes.stop();
  }
  const writtenBefore = await writtenSoFar(flow);
  const rawPostgres = await RawPostgres.of(postgres, flow, writtenBefore.filter((one) => isCounted(one) && one.rows / warmUp >= LEAST_ROWS_PER_EVENT), outboxes.byService);
  note('warming up the naive twin');
  const twin = await Twin.of(stage, smaller(workload, settings));
  const countsBefore = await flow.counts();
  const { stretches, rawKafka, naive } = await inTurns({ stage, workload, settings, twin, rawPostgres, note });
  const orders = ordersOf(settings);
  const memoryMb = Object.fromEntries(Object.entries(meter.peaks()).filter(([name]) => !name.startsWith('naive ')));
  const moved = movedPerEvent(countsBefore, await flow.counts(), orders);
  const changesPerEvent = moved.produced[streams.segmentationChanges.topic] ?? 0;
  if (changesPerEvent < LEAST_CHANGES_PER_EVENT) throw new Error(`There were only ${changesPerEvent.toFixed(3)} membership changes an event; ${LEAST_CHANGES_PER_EVENT} are asked for.`);
  const written = writtenPerEvent(writtenBefore, await writtenSoFar(flow), orders);
  const floor = floorOf(rawKafka, rawPostgres, { moved, written });
  await rawPostgres.close();
  return {
    rates: spreadOf(stretches.map((one) => one.events / one.seconds)), stretches, usage: together(stretches.map(({ usage }) => usage)), perEvent: moved,
    batching: batchingOf(written), changesPerEvent, floor, rawKafka, naive, commitMicros: spreadOf(rawPostgres.commits), memoryMb,
  };
}

const ordersOf = ({ events }: Settings): number => events + ROUNDS * LEAD_IN;

type Turns = { readonly stage: Stage; readonly workload: Workload; readonly settings: Settings; readonly twin: Twin; readonly rawPostgres: RawPostgres; readonly note: (text: string) => void };

/** The pipeline, what it wrote once more by Kafka's and Postgres' own means, and the twin; each in every round, while the others stand still. Ends the twin. */
async function inTurns({ stage, workload, settings, twin, rawPostgres, note }: Turns): Promise<{ stretches: Stretch[]; rawKafka: RawKafka[]; naive: Naive }> {
  const { flow, kafka } = stage;
  const [stretches, rawKafka, worker]: [Stretch[], RawKafka[], Worker] = [[], [], new Worker('./raw-kafka.js')];
  let at = settings.warmUp;
  const next = (orders: number): Promise<Stretch> => runStretch(stage, workload, at, (at += orders));
  try {
    for (let round = 1; round <= ROUNDS; round += 1) {
      await twin.aside(async () => {
        await next(LEAD_IN);
        const ends = await flow.ends();
        const stretch = await next(settings.events / ROUNDS);
        stretches.push(stretch);
        note(`round ${round} of ${ROUNDS}: ${(stretch.events / stretch.seconds).toFixed(0)} events/s; raw Kafka and Postgres, the naive twin`);
        rawKafka.push(await worker.ask<RawKafka>({ brokers: kafka.brokers, ranges: rangesOf(ends, await flow.ends()) }));
        await rawPostgres.round();
      });
      await alone(stage, () => twin.round(settings.naiveEvents / ROUNDS));
    }
    return { stretches, rawKafka, naive: await twin.result() };
  } finally {
    await Promise.all([worker.stop(), twin.stop()]);
  }
}

type Ends = Awaited<ReturnType<Flow['ends']>>;

/** The same share of what each partition got: the latest of it. */
function rangesOf(before: Ends, after: Ends): Range[] {
  const all = [...after].flatMap(([topic, partitions]) => partitions.map(({ high }, partition): Range => ({ topic, partition, from: before.get(topic)![partition]!.high, to: high })));
  const share = Math.min(1, RECORDS_PER_ROUND / sum(all.map(({ from, to }) => to - from)));
  return all.filter(({ from, to }) => to > from).map((range) => ({ ...range, from: range.to - Math.ceil((range.to - range.from) * share) }));
}
