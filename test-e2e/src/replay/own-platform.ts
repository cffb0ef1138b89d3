import { startKillablePostgres, type KillablePostgres } from '../faults/postgres.js';
import { startPlatform, type Platform } from '../platform/platform.js';
import { SERVICES, type Settings } from './settings.js';

export type Shape = 'one' | 'split';

/** A platform of this run's own, with a Postgres that writes for good; all of it is thrown away at the end. */
export class OwnPlatform {
  /** How often all of it was killed. */
  kills = 0;
  #restarting: Promise<void> = Promise.resolve();

  private constructor(private readonly platform: Platform, private readonly postgres: KillablePostgres, private readonly stopKafka: () => Promise<void>) {}

  /** One process on the embedded log, or six on a Kafka of their own. */
  static async start(shape: Shape): Promise<OwnPlatform> {
    const { startKafka } = (await import(new URL('../../../deploy/kafka/kafka.mjs', import.meta.url).href)) as typeof import('../../../deploy/kafka/kafka.mjs');
    const [postgres, kafka] = await Promise.all([startKillablePostgres(), shape === 'split' ? startKafka() : undefined]);
    const platform = await startPlatform({ shape, postgresUrl: postgres.url, ...(kafka && { brokers: kafka.brokers }) });
    process.on('exit', () => platform.processes.forEach(({ child }) => child?.kill('SIGKILL')));
    return new OwnPlatform(platform, postgres, async () => void (await kafka?.stop()));
  }

  /** Where it is, and the token to ask it with. */
  get reached(): Pick<Settings, 'urls' | 'token'> {
    return { urls: Object.fromEntries(SERVICES.map((service) => [service, this.platform.process(service).url])) as Settings['urls'], token: this.platform.credentials.apiToken };
  }

  /** Kills every process and the database, -9 and at once, and starts them again. */
  killAll(): void {
    this.kills += 1;
    this.#restarting = (async () => {
      await Promise.all([...this.platform.processes.map((one) => one.kill('SIGKILL')), this.postgres.kill()]);
      await this.postgres.start();
      await Promise.all(this.platform.processes.map((one) => one.start()));
    })();
    this.#restarting.catch(() => undefined); // told by whoever waits for it
  }

  /** When it runs again. @throws Error when it did not start again */
  restarted(): Promise<void> {
    return this.#restarting;
  }

  async stop(): Promise<void> {
    await this.#restarting.catch(() => undefined);
    await this.platform.stop();
    await Promise.all([this.postgres.stop(), this.stopKafka()]);
  }
}
