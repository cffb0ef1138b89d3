import { cpus, loadavg } from 'node:os';

import { CUSTOMERS, SEED, type Campaign } from './campaign.js';
import { rounded, sum, type Spread } from './figures.js';
import type { Costs } from './door.js';
import { MEASURED } from './measured-services.js';
import type { Usage } from './meter.js';
import { EVENTS_PER_REQUEST, LINES } from './workload.js';

/** A machine is quiet when others use less than this many cores. */
const QUIET_CORES = 0.1;

/** What `--json` writes. */
export function measured(campaign: Campaign): Record<string, unknown> {
  const { rates, floor, naive, door, latency, usage, stretches, rawKafka } = campaign;
  const events = sum(stretches.map((one) => one.events));
  return {
    pipeline_to_floor: rounded(rates.median / floor.eventsPerSecond, 3), pipeline_to_naive: rounded(rates.median / naive.eventsPerSecond.median, 1), pipeline_events_per_s: rounded(rates.median),
    cpu_us_per_event: perEvent(usage, events), accept_to_floor: rounded(door.accepting.micros.median / door.bare.micros.median, 2),
    change_p50_ms: rounded(latency.p50Ms, 1), change_p99_ms: rounded(latency.p99Ms, 1),
    K: rounded(floor.combined.median), P: rounded(postgresRate(campaign)), F: rounded(floor.eventsPerSecond), N: rounded(naive.eventsPerSecond.median),
    pipeline: {
      events, events_per_s: spread(rates), accepted_per_s: rounded(events / sum(stretches.map(({ sendingSeconds }) => sendingSeconds))), changes_per_event: rounded(campaign.changesPerEvent, 3),
      cores_used: rounded(sum(Object.values(usage.micros)) / 1_000_000 / usage.seconds, 2), foreign_cores: rounded(usage.foreignCores, 2),
      records_produced_per_event: thousandths(campaign.perEvent.produced), records_consumed_per_event: thousandths(campaign.perEvent.consumed), customers_checked: campaign.customers, memory_mb: whole(campaign.memoryMb),
      batching_per_1000_events: Object.fromEntries(Object.entries(campaign.batching).map(([service, of]) => [service, thousandths(of)])),
    },
    kafka: {
      produce_per_s: spread(floor.produce), consume_per_s: spread(floor.consume), combined_per_s: spread(floor.combined), bytes_per_record: rounded(rawKafka[0]!.bytesPerRecord),
      client_us: { produce: rounded(rawKafka[0]!.produceMicros, 1), consume: rounded(rawKafka[0]!.consumeMicros, 1) },
    },
    floor: floor.parts.map(({ what, form, perEvent: units, rate, micros }) => ({ what, form, per_event: rounded(units, 4), per_s: spread(rate), us_per_event: rounded(micros, 2) })),
    door: {
      accept_to_filter_only: rounded(door.accepting.micros.median / door.filterOnly.micros.median, 2), accept_and_publish_to_floor: rounded(door.publishing.micros.median / door.bare.micros.median, 2),
      accepting: costs(door.accepting), publishing: costs(door.publishing), bare: costs(door.bare), filter_only: costs(door.filterOnly), foreign_cores: rounded(door.foreignCores, 2),
    },
    latency: { ...latency, usage: undefined, p50Ms: rounded(latency.p50Ms, 1), p90Ms: rounded(latency.p90Ms, 1), p99Ms: rounded(latency.p99Ms, 1), maxMs: rounded(latency.maxMs, 1), generatorLatestMs: rounded(latency.generatorLatestMs, 1), cpu_us_per_event: perEvent(latency.usage, latency.eventsPerSecond * latency.usage.seconds), foreign_cores: rounded(latency.usage.foreignCores, 2) },
    naive: { events: naive.events, customers: naive.customers, events_per_s: spread(naive.eventsPerSecond), changes_per_event: rounded(naive.changesPerEvent, 3), cpu_us_per_event: perEvent(naive.usage, naive.events), foreign_cores: rounded(naive.usage.foreignCores, 2) },
    setting: { services: MEASURED, seed: SEED, customers: CUSTOMERS, partitions: 12, lines_per_order: LINES, events_per_request: EVENTS_PER_REQUEST, node: process.version, cpu: cpus()[0]?.model, cores: cpus().length, commit_us: spread(campaign.commitMicros), profiled: campaign.profiled },
  };
}

/** What a person reads. */
export function told(campaign: Campaign): string {
  const { rates, floor, naive, door, latency, usage, stretches } = campaign;
  const events = sum(stretches.map((one) => one.events));
  const cpu = perEvent(usage, events);
  return [
    `${MEASURED.length} services: ${MEASURED.join(', ')}.`,
    `One event: an order of ${LINES} lines. ${CUSTOMERS} customers, beside up to as many who are silent by now, 12 partitions, seed ${SEED}, ${EVENTS_PER_REQUEST} events a request; ${events} events after warming up, ${campaign.changesPerEvent.toFixed(2)} membership changes an event.`,
    `Every one of ${campaign.customers} customers is right: orders, revenue, first and last order, segments.`,
    '',
    `pipeline              ${per(rates)} events/s, ${(sum(Object.values(usage.micros)) / 1e6 / usage.seconds).toFixed(2)} cores used${quiet(usage.foreignCores)}`,
    `pipeline ÷ floor      ${(rates.median / floor.eventsPerSecond).toFixed(2)}   F = ${floor.eventsPerSecond.toFixed(0)} events/s`,
    `pipeline ÷ naive      ${(rates.median / naive.eventsPerSecond.median).toFixed(1)}   N = ${per(naive.eventsPerSecond)} events/s of ${naive.events}, ${naive.changesPerEvent.toFixed(2)} changes an event${quiet(naive.usage.foreignCores)}`,
    `door ÷ bare door      ${(door.accepting.micros.median / door.bare.micros.median).toFixed(2)}   ${doorTold(door.accepting)} against ${doorTold(door.bare)}; neither publishes${quiet(door.foreignCores)}`,
    `  to a filter only    ${(door.accepting.micros.median / door.filterOnly.micros.median).toFixed(2)}   ${doorTold(door.filterOnly)}: a bare door that keeps nothing of what it accepts`,
    `  publishing as well  ${(door.publishing.micros.median / door.bare.micros.median).toFixed(2)}   ${doorTold(door.publishing)}`,
    `event → change        p50 ${latency.p50Ms.toFixed(0)} ms, p90 ${latency.p90Ms.toFixed(0)}, p99 ${latency.p99Ms.toFixed(0)}, max ${latency.maxMs.toFixed(0)} at ${latency.eventsPerSecond} events/s for ${latency.seconds} s (${latency.measured} events; the generator at most ${latency.generatorLatestMs.toFixed(0)} ms late)${quiet(latency.usage.foreignCores)}`,
    '',
    'Where the floor comes from, in µs an event:',
    ...table(floor.parts.map(({ what, form, perEvent: units, rate, micros }) => [what, micros.toFixed(1), `${units.toFixed(3)} an event`, `${per(rate)}/s`, form])),
    `  K, produced and then consumed: ${per(floor.combined)} records/s. P, all of Postgres: ${postgresRate(campaign).toFixed(0)} events/s.`,
    '',
    `Where the pipeline's time goes: CPU in µs an event, ${sum(Object.values(cpu)).toFixed(0)} in all:`,
    ...table(Object.entries(cpu).sort(([, a], [, b]) => b - a).map(([name, micros]) => [name, micros.toFixed(1)])),
    '',
    'Records an event, said and heard:',
    ...table([...Object.entries(campaign.perEvent.produced), ...Object.entries(campaign.perEvent.consumed)].map(([name, records]) => [name, records.toFixed(3)])),
    '',
    'Transactions that heard something, batches that relays sent and packed outbox rows, per 1,000 events:',
    ...table(Object.entries(campaign.batching).map(([service, { chunks, relayBatches, outboxRows }]) => [service, chunks.toFixed(1), relayBatches.toFixed(1), outboxRows.toFixed(1)])),
    '',
    'CPU of the naive twin, in µs an event:',
    ...table(Object.entries(perEvent(naive.usage, naive.events)).sort(([, a], [, b]) => b - a).map(([name, micros]) => [name, micros.toFixed(0)])),
    '',
    `Memory at most, MB (Postgres with the twin's part): ${Object.entries(whole(campaign.memoryMb)).map(([name, mb]) => `${name} ${mb}`).join(', ')}.`,
    `One row and its commit: ${per(campaign.commitMicros)} µs (fsync and synchronous_commit are on).${campaign.profiled ? ' CPU profiles were being taken: everything is slower than it is.' : ''}`,
    `Load of this machine now: ${loadavg().map((load) => load.toFixed(1)).join(' ')} on ${cpus().length} cores.`,
  ].join('\n');
}

const postgresRate = ({ floor }: Campaign): number => 1_000_000 / sum(floor.parts.filter(({ what }) => !what.startsWith('records ')).map(({ micros }) => micros));

/** CPU per event by process; what used nothing worth a word is left out. */
const perEvent = ({ micros }: Usage, events: number): Record<string, number> =>
  Object.fromEntries(Object.entries(micros).map(([name, used]): [string, number] => [name, rounded(used / events, 1)]).filter(([, used]) => used >= 0.1));

const per = ({ median, min, max }: Spread): string => `${median.toFixed(0)} (${min.toFixed(0)}–${max.toFixed(0)})`;
const spread = ({ median, min, max }: Spread): Spread => ({ median: rounded(median, 1), min: rounded(min, 1), max: rounded(max, 1) });
const costs = ({ micros, process, postgres, perSecond }: Costs): Record<string, Spread> => ({ us_per_event: spread(micros), process_us: spread(process), postgres_us: spread(postgres), accepted_per_s: spread(perSecond) });
const doorTold = ({ micros, process, postgres }: Costs): string => `${micros.median.toFixed(1)} µs an event (process ${process.median.toFixed(1)}, Postgres ${postgres.median.toFixed(1)})`;
const quiet = (foreign: number): string => (foreign < QUIET_CORES ? '' : ` [others used ${foreign.toFixed(2)} cores: not a quiet machine]`);
const thousandths = (counts: Record<string, number>): Record<string, number> => Object.fromEntries(Object.entries(counts).map(([name, count]) => [name, rounded(count, 3)]));
const whole = (counts: Record<string, number>): Record<string, number> => Object.fromEntries(Object.entries(counts).map(([name, count]) => [name, rounded(count)]));

/** Columns of one width; the second and following to the right but for the last of long rows. */
function table(rows: readonly (readonly string[])[]): string[] {
  const widths = rows.reduce<number[]>((all, row) => row.map((cell, column) => Math.max(all[column] ?? 0, cell.length)), []);
  return rows.map((row) => `  ${row.map((cell, column) => (column === 0 || column === 4 ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!))).join('  ')}`.trimEnd());
}
