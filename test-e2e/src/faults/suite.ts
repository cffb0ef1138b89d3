import type { Kafka } from '../../../deploy/kafka/kafka.mjs';
import { F04, F10, F10_BEFORE_BEGIN } from './cases/consumer.js';
import { F33 } from './cases/drain.js';
import { F02, LATE } from './cases/intake.js';
import { F06, F15 } from './cases/outage.js';
import { NOTIFY_KILL } from './cases/notify.js';
import { F27 } from './cases/poison.js';
import { F03, F11 } from './cases/relay.js';
import { REPLICAS } from './cases/replicas.js';
import { SAGA_ANSWER, SAGA_ASK, SAGA_EXPIRY, SAGA_TWICE } from './cases/saga.js';
import { makeMutant, mutantNames } from './mutant.js';
import { startKillablePostgres, type KillablePostgres } from './postgres.js';
import { play, type Fault, type Outcome } from './scene.js';
import { Stage } from './stage.js';

export const FAULTS: readonly Fault[] = [F02, F03, F04, F06, F10, F11, F15, F27, F33, LATE, NOTIFY_KILL, REPLICAS, SAGA_ASK, SAGA_ANSWER, SAGA_TWICE, SAGA_EXPIRY];

/** The fault that must turn each mutant red. */
const EXPOSED_BY: Readonly<Record<string, Fault>> = {
  M1: F10_BEFORE_BEGIN, M2: LATE, M4: F04, M5: F15, 'no-number-check': F03, 'stored-maximum-only': F03, 'unfenced-numbering': F11,
  'marketing-again': NOTIFY_KILL, 'another-message-id': NOTIFY_KILL, 'unlocked-stock': REPLICAS,
};

/** Faults for which a door and one consumer are enough. */
const ON_A_SMALL_STAGE: readonly Fault[] = [F03, F04, F10_BEFORE_BEGIN, F11, F15, LATE];

/** Every mutant under the fault that must expose it, and one under another: `<mutant>@<fault>`. */
export const MUTANTS: readonly string[] = [...mutantNames(), 'M1@replicas'];

export const isMutant = (name: string): boolean => mutantNames().includes(name.split('@')[0]!);

/** @throws Error for a name of neither a fault nor a mutant */
export function requireKnown(name: string): void {
  if (isMutant(name)) exposing(name);
  else if (!FAULTS.some((fault) => fault.name === name)) unknown(name);
}

/** @throws Error for a name that is none */
function exposing(name: string): { readonly mutant: string; readonly fault: Fault } {
  const [mutant, by] = name.split('@') as [string, string?];
  const fault = by === undefined ? EXPOSED_BY[mutant] : FAULTS.find((one) => one.name === by);
  return fault && isMutant(mutant) ? { mutant, fault } : unknown(name);
}

export type MutantOutcome = { readonly name: string; readonly fault: string; readonly lost: number; readonly doubled: number; readonly reordered: number; readonly fired: number; readonly caught: boolean; readonly took_s: number; readonly notes?: readonly string[]; readonly error?: string };

export type SuiteOptions = {
  readonly faults: readonly string[];
  readonly mutants: readonly string[];
  /** Fewer rounds. */
  readonly quick?: boolean;
  readonly say?: (line: string) => void;
  /** A broker that runs already: the suite kills it, and deletes its topics. Nobody else may use it meanwhile. */
  readonly kafka?: Kafka;
};

/** Plays the named faults and mutants, one after the other, on one Kafka and one Postgres. @throws Error for a name that is none */
export async function runSuite({ faults, mutants, quick = false, say = () => undefined, ...given }: SuiteOptions): Promise<{ outcomes: Outcome[]; mutants: MutantOutcome[] }> {
  const chosen = faults.map((name) => FAULTS.find((fault) => fault.name === name) ?? unknown(name));
  for (const name of mutants) exposing(name);
  const { startKafka } = (await import(new URL('../../../deploy/kafka/kafka.mjs', import.meta.url).href)) as typeof import('../../../deploy/kafka/kafka.mjs');
  const [kafka, postgres] = await Promise.all([given.kafka ?? startKafka(), startKillablePostgres()]);
  try {
    const outcomes = await playAll(chosen, { kafka, postgres, quick, say });
    const caught: MutantOutcome[] = [];
    for (const name of mutants) {
      caught.push(await playMutant(name, { kafka, postgres, say }));
      say(mutantLine(caught.at(-1)!));
    }
    return { outcomes, mutants: caught };
  } finally {
    await Promise.all([postgres.stop(), given.kafka ? undefined : kafka.stop()]);
  }
}

type On = { readonly kafka: Kafka; readonly postgres: KillablePostgres; readonly say: (line: string) => void };

async function playAll(chosen: readonly Fault[], { kafka, postgres, quick, say }: On & { quick: boolean }): Promise<Outcome[]> {
  if (chosen.length === 0) return [];
  let stage: Stage | undefined;
  const outcomes: Outcome[] = [];
  try {
    for (const fault of chosen) {
      stage ??= await Stage.open({ kafka, postgres });
      const outcome = await play(fault, stage, { quick, say });
      outcomes.push(outcome);
      say(outcomeLine(outcome));
      if (isGood(outcome)) continue;
      say(`     the logs are in ${stage.keepLogs()}`);
      await stage.close(); // the next fault is judged by its own harm only
      stage = undefined;
    }
    return outcomes;
  } finally {
    await stage?.close();
  }
}

async function playMutant(name: string, { kafka, postgres }: On): Promise<MutantOutcome> {
  const { mutant, fault } = exposing(name);
  const startedAt = performance.now();
  const blank = { name, fault: fault.name, lost: 0, doubled: 0, reordered: 0, fired: 0, caught: false };
  const took = (): number => (performance.now() - startedAt) / 1_000;
  try {
    const { root, remove } = makeMutant(mutant);
    const stage = await Stage.open({ kafka, postgres, root, ...(ON_A_SMALL_STAGE.includes(fault) && { services: ['ingestion', 'orders'] as const }) });
    try {
      const { lost, doubled, reordered, fired, faults, notes } = await play(fault, stage, { quick: true, stuckAfterMs: 12_000 });
      return { ...blank, lost, doubled, reordered, fired, caught: fired > 0 && lost + doubled + reordered > 0, took_s: took(), notes: [...faults, ...notes] };
    } finally {
      await stage.close();
      remove();
    }
  } catch (error) {
    return { ...blank, took_s: took(), error: (error as Error).message };
  }
}

export const isGood = ({ lost, doubled, reordered, faults }: Outcome): boolean => lost + doubled + reordered + faults.length === 0;

const figures = ({ lost, doubled, reordered, fired }: { lost: number; doubled: number; reordered: number; fired: number }): string =>
  `lost ${lost}, doubled ${doubled}, reordered ${reordered}, fired ${fired}`;

export function outcomeLine(one: Outcome): string {
  const more = [...one.faults.map((what) => `\n     ✗ ${what}`), ...one.notes.map((what) => `\n     · ${what}`)].join('');
  return `${isGood(one) ? 'ok  ' : 'FAIL'} ${one.name.padEnd(12)} ${figures(one)}, copies ${one.dup_in_kafka}, sent ${one.sent}, ` +
    `recovered in ${one.recover_s.toFixed(1)} s, drained in ${one.drain_s.toFixed(1)} s, gap ${one.gap_s.toFixed(1)} s (${one.took_s.toFixed(0)} s) · ${one.title}${more}`;
}

export const mutantLine = (one: MutantOutcome): string =>
  `${one.caught ? 'ok  ' : 'FAIL'} ${one.name.padEnd(20)} ${one.caught ? 'caught' : 'not caught'} by ${one.fault}: ${figures(one)} (${one.took_s.toFixed(0)} s)${one.error ? `\n     ✗ ${one.error}` : ''}${one.notes?.[0] ? `\n     · ${one.notes[0]}` : ''}`;

function unknown(name: string): never {
  throw new Error(`There is no fault and no mutant ${name}.`);
}
