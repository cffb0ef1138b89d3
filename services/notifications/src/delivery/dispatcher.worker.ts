import { Injectable, Logger, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';

import { Problem, fault } from '@yunke/kernel';
import { Db, isTransient } from '@yunke/postgres';

import type { Result } from '../intent/attempt.js';
import type { Intent } from '../intent/intent.js';
import { NotificationsConfig } from '../notifications.config.js';
import { CHANNELS, type Channel } from '../rule/rule.js';
import { Composer } from './composer.worker.js';
import { decideReady } from './deciding.worker.js';
import { Providers } from './providers.worker.js';
import { Recorder } from './recorder.worker.js';

/** Calls in flight per channel: a slow receiver of webhooks holds up no e-mail. */
const IN_FLIGHT = 32;
const IDLE_MS = 200;
const RECOVER_EVERY_MS = 1_000;

/**
 * Sends what is wanted: asks the arbiter, commits the call, calls the provider, writes down the result. A process may die anywhere: what was
 * committed as a call and has no result is taken over when its lease ends, and then its class decides (attempt.ts).
 */
@Injectable()
export class Dispatcher implements OnApplicationBootstrap, OnModuleDestroy {
  readonly #log = new Logger('dispatcher');
  readonly #recorder: Recorder;
  readonly #composer: Composer;
  #stopping = false;
  #loops: Promise<void>[] = [];

  constructor(private readonly db: Db, private readonly config: NotificationsConfig, private readonly providers: Providers) {
    this.#recorder = new Recorder(db, (error) => this.#failed(error));
    this.#composer = new Composer(db, config);
  }

  onApplicationBootstrap(): void {
    this.#loops = [...CHANNELS.map((channel) => this.#send(channel)), this.#recover()];
  }

  /** Takes no more; what is in flight is waited for. */
  async onModuleDestroy(): Promise<void> {
    this.#stopping = true;
    await Promise.all(this.#loops);
  }

  async #send(channel: Channel): Promise<void> {
    const flying = new Set<Promise<void>>();
    while (!this.#stopping) {
      try {
        const { count, calls } = await this.db.tx((tx) => decideReady(tx, channel, IN_FLIGHT - flying.size, this.config));
        if (calls.length > 0) await fault('intent.decided');
        for (const intent of calls) {
          const flight: Promise<void> = this.#call(intent).catch((error: unknown) => this.#failed(error)).finally(() => flying.delete(flight));
          flying.add(flight);
        }
        if (count === 0) await this.#idle(IDLE_MS);
        if (flying.size >= IN_FLIGHT) await Promise.race(flying);
      } catch (error) {
        this.#failed(error);
        await this.#idle(RECOVER_EVERY_MS);
      }
    }
    await Promise.all(flying);
  }

  async #call(intent: Intent): Promise<void> {
    const result = await this.#resultOf(intent);
    await fault('message.called');
    await this.#recorder.record({ intent, result });
  }

  /** Nothing was called when composing fails: a broken template is refused, an outage of ours is tried again. */
  async #resultOf(intent: Intent): Promise<Result> {
    try {
      return await this.providers.of(intent.channel).call(await this.#composer.compose(intent));
    } catch (error) {
      if (error instanceof Problem && error.kind !== 'unavailable') return { kind: 'refused', why: error.code };
      this.#failed(error);
      return { kind: 'busy', why: 'platform.unavailable' };
    }
  }

  async #recover(): Promise<void> {
    while (!this.#stopping) {
      await this.#recorder.recoverLost().catch((error: unknown) => this.#failed(error));
      await this.#idle(RECOVER_EVERY_MS);
    }
  }

  async #idle(ms: number): Promise<void> {
    for (const until = performance.now() + ms; performance.now() < until && !this.#stopping; ) await new Promise((resolve) => setTimeout(resolve, Math.min(ms, 100)));
  }

  #failed(error: unknown): void {
    if (isTransient(error)) this.#log.warn('messages will be tried again', error);
    else this.#log.error('a message could not be handled', error);
  }
}
