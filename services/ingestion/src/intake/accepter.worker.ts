import { Injectable, type OnModuleDestroy } from '@nestjs/common';

import { say } from '@yunke/events';
import { Problem, fault } from '@yunke/kernel';
import { Db, type Tx } from '@yunke/postgres';

import { IngestionConfig } from '../ingestion.config.js';
import { heardBefore, quarantine, remember, sweep, type Arrival, type Refused } from './intake.store.js';
import type { Door, Item, Outcome } from './item.js';
import { stampOf, stamped, type Accepted, type Stamped } from './stamp.js';

/** One request's items. `dialect` tells how to read them again when they are replayed from quarantine. */
export type Delivery = { readonly door: Door; readonly dialect: 'native' | 'segment'; readonly items: readonly Item[] };

type Waiting = Delivery & { readonly answer: (outcomes: Outcome[]) => void; readonly fail: (error: unknown) => void };

const ITEMS_PER_TRANSACTION = 2_000;
const ITEMS_WAITING = 20_000;
const SWEEP_EVERY_MS = 1_000;
const LOOK_AT_BACKLOG_EVERY_MS = 1_000;

/**
 * Stores what comes through the door, and answers only after COMMIT. One transaction at a time, and requests that arrive while it
 * runs share the next one: the more there are, the less each costs. When too much waits, or the log has been away for too long, it
 * refuses with 503 and when to come back.
 */
@Injectable()
export class Accepter implements OnModuleDestroy {
  readonly #queue: Waiting[] = [];
  #waiting = 0;
  #storing = false;
  #backlog = 0;
  #sweeping = false;
  #sweptTo: number | undefined;
  readonly #sweeper = setInterval(() => void this.#sweep(), SWEEP_EVERY_MS).unref();
  readonly #watcher = setInterval(() => void this.#watch(), LOOK_AT_BACKLOG_EVERY_MS).unref();

  constructor(private readonly db: Db, private readonly config: IngestionConfig) {}

  onModuleDestroy(): void {
    clearInterval(this.#sweeper);
    clearInterval(this.#watcher);
  }

  /** One outcome an item, in order, once all of it is durable. @throws intake.overloaded, intake.backlogged (unavailable) */
  accept(delivery: Delivery): Promise<Outcome[]> {
    if (this.#waiting + delivery.items.length > ITEMS_WAITING) throw new Problem('unavailable', 'intake.overloaded', 'Too much is waiting to be stored.', { retryAfterSeconds: 1 });
    if (this.#backlog > this.config.backlogLimit) throw new Problem('unavailable', 'intake.backlogged', 'Too much is waiting to be published.', { retryAfterSeconds: 30 });
    return new Promise((answer, fail) => {
      this.#queue.push({ ...delivery, answer, fail });
      this.#waiting += delivery.items.length;
      this.#next();
    });
  }

  #next(): void {
    if (this.#storing || this.#queue.length === 0) return;
    const together: Waiting[] = [];
    for (let items = 0; this.#queue.length > 0 && items < ITEMS_PER_TRANSACTION; items += together.at(-1)!.items.length) together.push(this.#queue.shift()!);
    this.#storing = true;
    void this.#store(together).finally(() => {
      this.#storing = false;
      this.#waiting -= together.reduce((sum, { items }) => sum + items.length, 0);
      this.#next();
    });
  }

  async #store(together: readonly Waiting[]): Promise<void> {
    try {
      const outcomes = await this.db.tx((tx) => store(tx, together));
      await fault('ingestion.after-commit');
      for (const [index, { answer }] of together.entries()) answer(outcomes[index]!);
    } catch (error) {
      for (const { fail } of together) fail(error);
    }
  }

  async #sweep(): Promise<void> {
    if (this.#sweeping) return;
    this.#sweeping = true;
    this.#sweptTo = await this.db.tx((tx) => sweep(tx, this.#sweptTo)).catch(() => this.#sweptTo);
    this.#sweeping = false;
  }

  async #watch(): Promise<void> {
    const [row] = await this.db.query<{ events: number }>('select coalesce(sum(events), 0)::float8 as events from outbox').catch(() => []);
    if (row) this.#backlog = row.events;
  }
}

/** All of it in one transaction. Returns the outcomes, per delivery and item. */
async function store(tx: Tx, deliveries: readonly Delivery[]): Promise<Outcome[][]> {
  const names = deliveries.map(({ items, door }) => items.map(({ messageId }) => `${door.source} ${messageId}`));
  const sound = soundOf(deliveries, names);
  const { acceptedAt, fresh } = await remember(tx, sound);
  const known = fresh === sound.length ? undefined : await knownAmong(tx, sound);
  const refused: Refused[] = [];
  const outcomes = deliveries.map(({ dialect, door, items }, delivery) => {
    const facts: Stamped[] = [];
    const stamp = stampOf(door, acceptedAt);
    const results = items.map((item, index): Outcome => {
      const outcome = decide(item, known?.get(names[delivery]![index]!));
      if (outcome.status === 'accepted') facts.push(...stamped(item as Accepted, door, stamp));
      if (outcome.status === 'quarantined') refused.push({ source: door.source, kind: door.kind, dialect, messageId: item.messageId, raw: item.raw, code: outcome.code!, faults: outcome.errors! });
      return outcome;
    });
    say(tx, facts);
    return results;
  });
  await quarantine(tx, refused);
  await fault('ingestion.before-commit');
  return outcomes;
}

/** Those that have nothing wrong with them, in order. */
function soundOf(deliveries: readonly Delivery[], names: readonly (readonly string[])[]): Arrival[] {
  const sound: Arrival[] = [];
  for (const [delivery, { items }] of deliveries.entries()) {
    for (const [index, item] of items.entries()) if (!('faults' in item)) sound.push({ name: names[delivery]![index]!, item });
  }
  return sound;
}

/** What stands under each name: what was heard before, else the first that came now. */
async function knownAmong(tx: Tx, sound: readonly Arrival[]): Promise<Map<string, Arrival['item']>> {
  const known = await heardBefore(tx, sound);
  for (const { name, item } of sound) if (!known.has(name)) known.set(name, item);
  return known;
}

/** Accepted when nothing or it itself is `known` under its name; a duplicate when that says the same; quarantined when it says something else. */
function decide(item: Item, known: Arrival['item'] | undefined): Outcome {
  if ('faults' in item) return { ...(item.messageId !== undefined && { messageId: item.messageId }), status: 'quarantined', code: item.faults[0]?.code ?? 'validation_failed', errors: item.faults };
  const { messageId, fingerprint } = item;
  if (known === undefined || known === item) return { messageId, status: 'accepted' };
  if (known.fingerprint === fingerprint) return { messageId, status: 'duplicate' };
  return { messageId, status: 'quarantined', code: 'message_id_reused', errors: [{ pointer: '/messageId', code: 'message_id_reused', message: 'This id was used for a message that says something else.' }] };
}
