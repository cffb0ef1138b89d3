import { closeSync, fsyncSync, openSync, writeSync } from 'node:fs';

/** One observation that the load sends. `n`: its place among those of its key; a key's next one is sent after a 202 for this one. */
export type Sent = {
  readonly messageId: string; readonly kind: 'order' | 'return' | 'stock' | 'customer'; readonly key: string; readonly n: number;
  readonly orderId?: string;
  /** What came in, for `stock`; what an order wants, for its first version. */
  readonly units?: { readonly sku: string; readonly quantity: number };
};

/** How one try ended: the status, or `unknown` without an answer. */
export type Try = { readonly status: number | 'unknown'; readonly duplicates?: number; readonly cause?: string };

const SYNC_EVERY_MS = 100;

/** What was sent and what was answered: append-only, on disk before anything is judged by it. */
export class Journal {
  readonly accepted: Sent[] = [];
  readonly quarantined: string[] = [];
  readonly tries: Record<string, number> = {};
  readonly causes: Record<string, number> = {};
  duplicates = 0;
  longestGapMs = 0;
  lastAcceptedAt = Date.now();
  readonly #descriptor: number;
  #dirty = false;
  readonly #syncing = setInterval(() => this.#sync(), SYNC_EVERY_MS).unref();

  constructor(file: string) {
    this.#descriptor = openSync(file, 'a');
  }

  sending(batch: readonly Sent[]): void {
    this.#write({ did: 'send', batch: batch.map(({ messageId, key, n }) => [messageId, key, n]) });
  }

  answered(batch: readonly Sent[], outcome: Try): void {
    const { status, duplicates = 0, cause } = outcome;
    this.tries[status] = (this.tries[status] ?? 0) + 1;
    if (cause) this.causes[cause] = (this.causes[cause] ?? 0) + 1;
    this.#write({ did: 'answer', first: batch[0]!.messageId, ...outcome });
    if (status !== 202) return;
    this.duplicates += duplicates;
    this.accepted.push(...batch);
    const now = Date.now();
    this.longestGapMs = Math.max(this.longestGapMs, now - this.lastAcceptedAt);
    this.lastAcceptedAt = now;
  }

  /** Tries that ended with a status of 500 or more. */
  get refused(): number {
    return Object.entries(this.tries).reduce((sum, [status, count]) => sum + (Number(status) >= 500 ? count : 0), 0);
  }

  close(): void {
    clearInterval(this.#syncing);
    this.#sync();
    closeSync(this.#descriptor);
  }

  #write(entry: object): void {
    writeSync(this.#descriptor, `${JSON.stringify({ at: Date.now(), ...entry })}\n`);
    this.#dirty = true;
  }

  #sync(): void {
    if (this.#dirty) fsyncSync(this.#descriptor);
    this.#dirty = false;
  }
}
