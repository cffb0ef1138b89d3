import { childrenOf, commandOf, cpuOf, cpuOfAll, memoryOf } from './proc.js';

const LOOK_EVERY_MS = 1_000;
const REST = 'rest';

/** CPU so far, in µs, by process. */
export type Reading = { readonly at: number; readonly used: ReadonlyMap<string, number>; readonly machine: number };
/** What happened between two readings. `foreignCores`: what others on this machine used, of all cores. */
export type Usage = { readonly seconds: number; readonly micros: Record<string, number>; readonly foreignCores: number };

/** A Postgres server's backends name their database in their title, so their CPU can be told apart. */
class PostgresMeter {
  readonly #backends = new Map<number, { database: string; used: number }>();
  peakMb = 0;

  constructor(private readonly pid: number) {}

  /** CPU by database; `rest` is the postmaster, the writers, autovacuum, and what backends did after they were last looked at. */
  read(): Map<string, number> {
    const used = new Map<string, number>();
    let [live, anonymous, shared] = [0, memoryOf(this.pid, 'RssAnon'), 0];
    for (const pid of childrenOf(this.pid)) {
      const cpu = cpuOf(pid)?.own ?? 0;
      const database = this.#backends.get(pid)?.database ?? databaseIn(commandOf(pid));
      live += cpu;
      anonymous += memoryOf(pid, 'RssAnon');
      shared = Math.max(shared, memoryOf(pid, 'RssShmem'));
      if (database) this.#backends.set(pid, { database, used: cpu });
    }
    for (const { database, used: cpu } of this.#backends.values()) used.set(database, (used.get(database) ?? 0) + cpu);
    const { own, waitedFor } = cpuOf(this.pid) ?? { own: 0, waitedFor: 0 };
    const told = [...used.values()].reduce((total, cpu) => total + cpu, 0);
    used.set(REST, own + waitedFor + live - told);
    this.peakMb = Math.max(this.peakMb, anonymous + shared);
    return used;
  }
}

/** `postgres: postgres <database> 127.0.0.1(port) idle`; nothing for the server's own processes. */
const databaseIn = (title: string): string | undefined => /^postgres: postgres (\S+) \S+\(\d+\)/.exec(title)?.[1];

/** Reads the CPU and the memory of everything that takes part. */
export class Meter {
  readonly #postgres: PostgresMeter;
  readonly #processes = new Map<string, number>();
  readonly #names = new Map<string, string>();
  readonly #peaks = new Map<string, number>();
  readonly #looking = setInterval(() => this.read(), LOOK_EVERY_MS).unref();

  constructor(postgresPid: number) {
    this.#postgres = new PostgresMeter(postgresPid);
  }

  follow(name: string, pid: number): void {
    this.#processes.set(name, pid);
  }

  /** It has ended or is about to; what it used is forgotten. Read before. */
  unfollow(name: string): void {
    this.#processes.delete(name);
  }

  /** What a database is called in readings: `postgres <name>`. */
  nameDatabase(database: string, name: string): void {
    this.#names.set(database, name);
  }

  read(): Reading {
    const used = new Map<string, number>();
    for (const [name, pid] of this.#processes) {
      used.set(name, cpuOf(pid)?.own ?? 0);
      this.#peaks.set(name, Math.max(this.#peaks.get(name) ?? 0, memoryOf(pid, 'VmHWM')));
    }
    for (const [database, cpu] of this.#postgres.read()) {
      const name = `postgres ${this.#names.get(database) ?? REST}`;
      used.set(name, (used.get(name) ?? 0) + cpu);
    }
    return { at: performance.now(), used, machine: cpuOfAll() };
  }

  /** The largest memory of each process so far, in MB; of Postgres all its processes, what they share counted once. */
  peaks(): Record<string, number> {
    this.read();
    return { ...Object.fromEntries(this.#peaks), postgres: this.#postgres.peakMb };
  }

  stop(): void {
    clearInterval(this.#looking);
  }
}

export function usageBetween(before: Reading, after: Reading): Usage {
  const seconds = (after.at - before.at) / 1_000;
  const micros: Record<string, number> = {};
  let ours = 0;
  for (const [name, used] of after.used) {
    micros[name] = Math.max(0, used - (before.used.get(name) ?? 0));
    ours += micros[name];
  }
  return { seconds, micros, foreignCores: Math.max(0, (after.machine - before.machine - ours) / 1_000_000 / seconds) };
}

/** Several usages as one. */
export function together(usages: readonly Usage[]): Usage {
  const micros: Record<string, number> = {};
  for (const usage of usages) for (const [name, used] of Object.entries(usage.micros)) micros[name] = (micros[name] ?? 0) + used;
  const seconds = usages.reduce((total, usage) => total + usage.seconds, 0);
  return { seconds, micros, foreignCores: usages.reduce((total, usage) => total + usage.foreignCores * usage.seconds, 0) / seconds };
}
