import { copyFileSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { eventually } from '@yunke/testing';

import type { Kafka } from '../../../deploy/kafka/kafka.mjs';
import { SERVICES, programOf, startPlatform, type Platform, type PlatformProcess, type ServiceName } from '../platform/platform.js';
import { Armory, type Firing } from './armory.js';
import { query, type Evidence } from './oracle/evidence.js';
import { Judge } from './oracle/judge.js';
import type { KillablePostgres } from './postgres.js';

const ARM = fileURLToPath(new URL('./arm.js', import.meta.url));
const LOOK_AFTER_MS = 250;

export type StageOptions = {
  readonly kafka: Kafka;
  readonly postgres: KillablePostgres;
  /** The services to run beside the counter; all unless told. */
  readonly services?: readonly ServiceName[];
  /** Another tree of the compiled platform: a mutant. */
  readonly root?: string;
};

/** Caps and quiet hours would make outcomes depend on the hour of the test: what waits for the morning does not end. */
async function letMarketingOut(platform: Platform): Promise<void> {
  const { status } = await fetch(`${platform.process('notifications').url}/api/notifications/policy`, {
    method: 'PUT', headers: { authorization: `Bearer ${platform.credentials.apiToken}`, 'content-type': 'application/json' }, body: JSON.stringify({ caps: [] }),
  });
  if (status !== 200) throw new Error(`the policy: ${status}`);
}

/** The platform in processes on a real Kafka and Postgres, every process armed, with the counter beside it. */
export class Stage {
  readonly #down = new Set<PlatformProcess>();
  readonly #watching = setInterval(() => this.#revive(), LOOK_AFTER_MS).unref();
  readonly #killAll = (): void => this.platform.processes.forEach(({ child }) => child?.kill('SIGKILL'));
  /** Processes that ended unasked and were started again, as an orchestrator would. */
  readonly endedAlone: string[] = [];
  readonly judge: Judge;

  private constructor(
    readonly options: StageOptions,
    readonly platform: Platform,
    readonly armory: Armory,
    readonly evidence: Evidence,
  ) {
    this.judge = new Judge(evidence);
    process.on('exit', this.#killAll);
  }

  static async open(options: StageOptions): Promise<Stage> {
    const { kafka, postgres, services = SERVICES, root } = options;
    const armory = new Armory(mkdtempSync(join(tmpdir(), 'yunke-armory-')));
    const platform = await startPlatform({
      shape: 'split', postgresUrl: postgres.url, brokers: kafka.brokers, services, databases: ['counter'], ...(root && { root }),
      nodeArgs: ['--import', ARM], env: { YUNKE_FAULTS: armory.directory, YUNKE_CALL_SECONDS: '2' },
    });
    if (services.includes('notifications')) await letMarketingOut(platform);
    await (await platform.add('counter', 'test-e2e/dist/faults/counter/main.js')).start();
    return new Stage(options, platform, armory, {
      brokers: kafka.brokers, services: [...services, 'counter'], databaseUrl: (name) => platform.databaseUrl(name),
      ordersUrl: () => platform.process('orders').url, apiToken: platform.credentials.apiToken,
    });
  }

  async close(): Promise<void> {
    clearInterval(this.#watching);
    await this.platform.stop();
    process.off('exit', this.#killAll);
    rmSync(this.armory.directory, { recursive: true, force: true });
  }

  /** Copies what the processes logged to where it stays. Returns the folder. */
  keepLogs(): string {
    const kept = mkdtempSync(join(tmpdir(), 'yunke-faults-logs-'));
    for (const { name, logFile } of this.platform.processes) if (existsSync(logFile)) copyFileSync(logFile, join(kept, `${name}.log`));
    return kept;
  }

  /** Of these services those that run here, so that a fault fits a smaller stage too. */
  present(...names: readonly string[]): string[] {
    return names.filter((name) => this.evidence.services.includes(name));
  }

  process(name: string): PlatformProcess {
    return this.platform.processes.find((one) => one.name === name)!;
  }

  /** Starts another process of a service, named `<service>-2`; it is made once. */
  async startSecond(service: string): Promise<PlatformProcess> {
    const name = `${service}-2`;
    const second = this.process(name) ?? (await this.platform.add(name, service === 'counter' ? 'test-e2e/dist/faults/counter/main.js' : programOf(service)));
    await this.start(second);
    return second;
  }

  /** Lets one of these processes, whichever comes to it first, die by its own hand at a named point; returns when it is dead. */
  async crash(names: string | readonly string[], plan: string): Promise<Firing> {
    const armed = [names].flat().map((name) => this.process(name));
    for (const one of armed) this.#down.add(one);
    const firing = await this.armory.hit(armed.map(({ name }) => name), plan);
    const { child } = this.process(firing.process);
    await eventually(() => {
      if (child.signalCode === null && child.exitCode === null) throw new Error(`${firing.process} still lives`);
    });
    this.armory.disarm(firing.process);
    for (const one of armed) if (one.name !== firing.process) this.#down.delete(one);
    return firing;
  }

  async stop(one: PlatformProcess, signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<void> {
    this.#down.add(one);
    await one.kill(signal);
  }

  async start(one: PlatformProcess): Promise<void> {
    this.#down.add(one); // nobody else may start it meanwhile
    await one.start();
    this.#down.delete(one);
  }

  /** As it was at first: everything thawed, one process a service, all of them up. */
  async mend(): Promise<void> {
    for (const one of this.platform.processes) {
      one.child?.kill('SIGCONT');
      if (one.name.endsWith('-2')) await this.stop(one);
      else if (one.child.exitCode !== null || one.child.signalCode !== null) await this.start(one);
    }
  }

  /** Where a service stands: the sum of its positions. */
  async heardBy(service: string): Promise<number> {
    const [row] = await query<{ sum: number }>(this.platform.databaseUrl(service), 'select coalesce(sum(next_offset), 0)::float8 as sum from consumer_position');
    return row!.sum;
  }

  /** Waits until a service has heard that many more records. */
  async hears(service: string, more = 1, withinMs = 60_000): Promise<void> {
    const before = await eventually(() => this.heardBy(service), withinMs);
    await eventually(async () => {
      const now = await this.heardBy(service);
      if (now < before + more) throw new Error(`${service} has heard ${now - before} records of ${more}`);
    }, withinMs);
  }

  #revive(): void {
    for (const one of this.platform.processes) {
      if (this.#down.has(one) || !one.child || (one.child.exitCode === null && one.child.signalCode === null)) continue;
      this.endedAlone.push(`${one.name} ended with ${one.child.exitCode ?? one.child.signalCode}`);
      this.#down.add(one);
      void one.start().catch(() => undefined).finally(() => this.#down.delete(one));
    }
  }
}
