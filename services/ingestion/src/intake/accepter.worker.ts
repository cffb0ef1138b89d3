import { Injectable, type OnModuleDestroy } from '@nestjs/common';

import { say, type CausedFact } from '@yunke/events';
import { Problem, fault, iso, uuidv5, type Millis } from '@yunke/kernel';
import { Db, type Tx } from '@yunke/postgres';

import { IngestionConfig } from '../ingestion.config.js';
import { fingerprintsOf, quarantine, remember, sweep, type Arrival } from './intake.store.js';
import { fingerprint, type Door, type Item, type Outcome } from './item.js';

/** One request's items. `dialect` tells how to read them again when they are replayed from quarantine. */
export type Delivery = { readonly door: Door; readonly dialect: 'native' | 'segment'; readonly items: readonly Item[] };

type Waiting = Delivery & { readonly answer: (outcomes: Outcome[]) => void; readonly fail: (error: unknown) => void };

const AT_ONCE = 2;
const ITEMS_PER_TRANSACTION = 2_000;
const ITEMS_WAITING = 20_000;
const SWEEP_EVERY_MS = 60_000;
const LOOK_AT_BACKLOG_EVERY_MS = 1_000;

/**
 * Stores what comes through the door, and answers only after COMMIT. Requests that arrive while a transaction runs share the
 * next one; when too much waits, or the log has been away for too long, it refuses with 503 and when to come back.
 */
@Injectable()
export class Accepter implements OnModuleDestroy {
  readonly #queue: Waiting[] = [];
  #waiting = 0;
  #running = 0;
  #backlog = 0;
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
    if (this.#running >= AT_ONCE || this.#queue.length === 0) return;
    const together: Waiting[] = [];
    for (let items = 0; this.#queue.length > 0 && items < ITEMS_PER_TRANSACTION; items += together.at(-1)!.items.length) together.push(this.#queue.shift()!);
    this.#running += 1;
    void this.#store(together).finally(() => {
      this.#running -= 1;
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
    while ((await this.db.tx(sweep).catch(() => 0)) > 0);
  }

  async #watch(): Promise<void> {
    const [row] = await this.db.query<{ events: number }>('select coalesce(sum(events), 0)::float8 as events from outbox').catch(() => []);
    if (row) this.#backlog = row.events;
  }
}

type Placed = { readonly item: Item; readonly door: Door; readonly place: string; readonly arrival?: Arrival };

/** All of it in one transaction. Returns the outcomes, per delivery and item. */
async function store(tx: Tx, deliveries: readonly Delivery[]): Promise<Outcome[][]> {
  const placed = deliveries.map(({ door, items }) => items.map((item): Placed => place(item, door)));
  const first = new Map<string, Arrival>();
  for (const { arrival, place: at } of placed.flat()) if (arrival && !first.has(at)) first.set(at, arrival);
  const { acceptedAt, isNew } = await remember(tx, [...first.values()]);
  const known = await fingerprintsOf(tx, [...first].filter(([at]) => !isNew.has(at)).map(([, arrival]) => arrival));
  const taken = new Set<string>();
  const refused: Parameters<typeof quarantine>[1][number][] = [];
  const outcomes = deliveries.map(({ dialect, door }, index) => placed[index]!.map((one): Outcome => {
    const outcome = decide(one, { first, known, taken });
    if (outcome.status === 'accepted') say(tx, observed(one, acceptedAt));
    if (outcome.status === 'quarantined') refused.push({ source: door.source, kind: door.kind, dialect, messageId: one.item.messageId, raw: one.item.raw, code: outcome.code!, faults: outcome.errors! });
    return outcome;
  }));
  await quarantine(tx, refused);
  await fault('ingestion.before-commit');
  return outcomes;
}

function place(item: Item, door: Door): Placed {
  if (!('observations' in item)) return { item, door, place: '' };
  const arrival = { source: door.source, messageId: item.messageId, fingerprint: fingerprint(item.raw) };
  return { item, door, arrival, place: `${door.source} ${item.messageId}` };
}

/** Accepted when this is the first of its id; a duplicate when it says the same; quarantined when it says something else. */
function decide({ item, arrival, place: at }: Placed, seen: { first: Map<string, Arrival>; known: Map<string, string>; taken: Set<string> }): Outcome {
  const messageId = item.messageId === undefined ? {} : { messageId: item.messageId };
  if (!arrival) {
    const errors = (item as { faults: NonNullable<Outcome['errors']> }).faults;
    return { ...messageId, status: 'quarantined', code: errors[0]?.code ?? 'validation_failed', errors };
  }
  const before = seen.known.get(at) ?? (seen.taken.has(at) ? seen.first.get(at)!.fingerprint : undefined);
  seen.taken.add(at);
  if (before === undefined) return { ...messageId, status: 'accepted' };
  if (before === arrival.fingerprint) return { ...messageId, status: 'duplicate' };
  return { ...messageId, status: 'quarantined', code: 'message_id_reused', errors: [{ pointer: '/messageId', code: 'message_id_reused', message: 'This id was used for a message that says something else.' }] };
}

const FORESEEN = new Set(['promisedAt', 'acceptedAt']);

/** The observations of an accepted item, stamped. What is said to have happened after it was accepted happened then. */
function observed({ item, door }: Placed, acceptedAt: Millis): CausedFact[] {
  if (!('observations' in item)) return [];
  const stamp = iso(acceptedAt);
  return item.observations.map(({ type, body }, index) => {
    const stamped: Record<string, unknown> = { ...body, acceptedAt: stamp };
    for (const name in stamped) if (name.endsWith('At') && !FORESEEN.has(name) && (stamped[name] as string) > stamp) stamped[name] = stamp;
    const cause = `${door.source}|${item.messageId}`;
    return { type, body: stamped, cause, id: uuidv5(`${cause}|${type}|${index}`) } as unknown as CausedFact;
  });
}
