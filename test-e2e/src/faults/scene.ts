import { join } from 'node:path';

import { eventually } from '@yunke/testing';

import type { Firing } from './armory.js';
import { Journal } from './load/journal.js';
import { Load, type LoadOptions } from './load/load.js';
import type { Kind } from './oracle/findings.js';
import { quiet } from './oracle/quiet.js';
import type { Stage } from './stage.js';

/** A fault: what is done to the platform under load. What must hold of the data the oracle says afterwards. */
export type Fault = {
  readonly name: string;
  readonly title: string;
  /** What its load is like, unless it is like everybody's. */
  readonly load?: Pick<LoadOptions, 'perSecond' | 'reachable'>;
  /** Which firings are the fault; all of them unless told. */
  readonly counts?: (firing: Firing) => boolean;
  readonly play: (stage: Stage, scene: Scene) => Promise<void>;
};

export type Outcome = {
  readonly name: string;
  readonly title: string;
  readonly lost: number; readonly doubled: number; readonly reordered: number;
  /** How often the fault happened. */
  readonly fired: number;
  readonly dup_in_kafka: number;
  readonly sent: number;
  /** From the end of the fault until the end of the pipeline heard something again, and until nothing was left to hear. */
  readonly recover_s: number; readonly drain_s: number;
  /** The longest time without an accepted request. */
  readonly gap_s: number;
  readonly took_s: number;
  readonly faults: readonly string[];
  readonly notes: readonly string[];
};

const WARM = 200;

/** One fault's load, with what it found beside the oracle and for it. */
export class Scene {
  readonly section: string;
  readonly faults: string[] = [];
  readonly notes: string[] = [];
  readonly journal: Journal;
  readonly load: Load;
  targets: () => readonly string[];
  /** Faults that the test itself brought about at a point that an armed process had reached. */
  signals = 0;
  healedAt = 0;
  /** The relay must have sent something twice. */
  repeats = false;
  #recovered: Promise<number> = Promise.resolve(0);

  constructor(private readonly stage: Stage, { name, load }: Fault, /** Fewer rounds: for `npm test`. */ readonly quick: boolean) {
    this.section = `${name}.${Math.floor(Date.now() / 1_000) % 100_000}`;
    const { section } = this;
    this.journal = new Journal(join(stage.armory.directory, `${section}.journal`));
    this.targets = () => [stage.process('ingestion').url];
    this.load = new Load({ section, journal: this.journal, writeKey: stage.platform.credentials.writeKey, targets: () => this.targets(), ...load });
  }

  expect(holds: boolean, what: string): void {
    if (!holds) this.faults.push(what);
  }

  /** Harm that only this fault's own data shows; the oracle counts it with its own. */
  harmed(kind: Kind, what: string, count = 1): void {
    if (count > 0) this.stage.judge.findings.add(kind, `${this.section}: ${what}`, count);
  }

  /** The load runs and its effects arrive. */
  async warm(): Promise<void> {
    this.load.start();
    await this.accepts(WARM);
    await this.stage.hears('counter', 50);
  }

  /** Waits until that many more observations are accepted. */
  async accepts(more: number, withinMs = 60_000): Promise<void> {
    const before = this.journal.accepted.length;
    await eventually(() => {
      if (this.journal.accepted.length < before + more) throw new Error(`${this.journal.accepted.length - before} of ${more} accepted`);
    }, withinMs);
  }

  /** From here on the platform should mend itself; returns when the end of the pipeline hears again. */
  async healed(): Promise<void> {
    const at = (this.healedAt = performance.now());
    this.#recovered = this.stage.hears('counter', 1, 90_000).then(() => performance.now() - at);
    await this.#recovered;
  }

  recovered = async (): Promise<number> => (await this.#recovered) / 1_000;
}

export type PlayOptions = { readonly quick?: boolean; /** Give up on quiescence when nothing has moved for so long. */ readonly stuckAfterMs?: number; readonly say?: (line: string) => void };

/** Plays one fault under load, lets the platform heal and come to rest, and has the oracle judge. */
export async function play(fault: Fault, stage: Stage, { quick = false, stuckAfterMs = 30_000, say = () => undefined }: PlayOptions = {}): Promise<Outcome> {
  const startedAt = performance.now();
  const firedBefore = stage.armory.fired().length;
  const aloneBefore = stage.endedAlone.length;
  const scene = new Scene(stage, fault, quick);
  try {
    await scene.warm();
    await fault.play(stage, scene);
  } catch (error) {
    scene.faults.push(`it did not come to an end: ${(error as Error).message}`);
  }
  stage.armory.disarm(...stage.platform.processes.map(({ name }) => name));
  await stage.mend();
  await scene.load.stop().catch((error: Error) => scene.faults.push(error.message));
  const rest = await quiet(stage.evidence, stuckAfterMs);
  const drain = scene.healedAt === 0 ? 0 : (performance.now() - scene.healedAt) / 1_000;
  scene.journal.close();
  scene.expect(rest.unsaid === 0 && rest.unheard === 0, `it came to rest with ${rest.unsaid} unsaid and ${rest.unheard} unheard`);
  const verdict = await stage.judge.judge(scene.journal, scene.section);
  const fired = stage.armory.fired().slice(firedBefore).filter(fault.counts ?? (() => true)).length + scene.signals;
  scene.expect(fired > 0, 'it never fired');
  scene.expect(!scene.repeats || verdict.dup_in_kafka > 0, 'nothing was sent twice');
  const alone = stage.endedAlone.slice(aloneBefore);
  if (alone.length > 0) scene.notes.push(...alone);
  say(`${fault.name}: tries ${JSON.stringify(scene.journal.tries)} ${JSON.stringify(scene.journal.causes)} duplicates ${scene.journal.duplicates}`);
  return {
    name: fault.name, title: fault.title, lost: verdict.lost, doubled: verdict.doubled, reordered: verdict.reordered, fired, dup_in_kafka: verdict.dup_in_kafka, sent: verdict.checked,
    recover_s: await scene.recovered(), drain_s: drain, gap_s: scene.journal.longestGapMs / 1_000, took_s: (performance.now() - startedAt) / 1_000,
    faults: scene.faults, notes: [...verdict.notes, ...scene.notes],
  };
}
