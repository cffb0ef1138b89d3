import { Logger, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';

import { DAY, HOUR, type Millis } from '@yunke/kernel';
import type { Db, Tx } from '@yunke/postgres';

/** Forgets at most `limit` rows of what ended before an instant. Returns how many. */
export type Forget = (tx: Tx, before: Millis, limit: number) => Promise<number>;

const EVERY_MS = HOUR;
const SLICE = 1_000;

/** Forgets what ended more than so many days ago: every hour, a slice a transaction, so that nobody waits for it. */
export class Sweeper implements OnApplicationBootstrap, OnModuleDestroy {
  readonly #log = new Logger('sweeper');
  #timer: NodeJS.Timeout | undefined;
  #stopping = false;
  #running: Promise<void> | undefined;

  constructor(private readonly db: Db, private readonly days: number, private readonly forgets: readonly Forget[]) {}

  onApplicationBootstrap(): void {
    this.#timer = setInterval(() => {
      this.#running ??= this.sweep().catch((error: unknown) => this.#log.warn('what ended will be forgotten later', error)).finally(() => (this.#running = undefined));
    }, EVERY_MS).unref();
  }

  async onModuleDestroy(): Promise<void> {
    clearInterval(this.#timer);
    this.#stopping = true;
    await this.#running;
  }

  async sweep(): Promise<void> {
    for (const forget of this.forgets) {
      while (!this.#stopping && (await this.db.tx(async (tx) => forget(tx, (await tx.now()) - this.days * DAY, SLICE))) === SLICE);
    }
  }
}
