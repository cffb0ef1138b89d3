import { context, propagation, trace, type Context, type Link } from '@opentelemetry/api';

import type { Stream } from '@yunke/contracts';
import { Problem, fault } from '@yunke/kernel';
import { isTransient, type Db, type Tx } from '@yunke/postgres';

import { Batch, numberOf, parse, type Heard, type MessagesOf } from './batch.js';
import type { EventLog, Fetch, LogRecord, Verdict } from './log.js';
import { metrics } from './metrics.js';
import { parkKey, parkRecords, parkedAmong, parkingKey, takeParked, type Place } from './park.js';
import { findPosition, movePosition, startAt, stopPosition, type Position } from './position.js';

/** Who hears a stream. */
export type Hearing = { readonly stream: Stream; readonly handle: (batch: Batch<Stream>, tx: Tx) => Promise<unknown> };

export type ListenerOptions = {
  readonly db: Db;
  readonly log: EventLog;
  readonly service: string;
  readonly hearings: readonly Hearing[];
  /** Told what an operator must know: retries, parks, stops. Never given a value of a record. */
  readonly report: (level: 'warn' | 'error', message: string, about: Record<string, unknown>) => void;
};

const RECORDS_PER_CHUNK = 1_000;

type Sifted = { records: LogRecord[]; after: Position & { acceptedThrough: number | null } };

/**
 * Hears partitions into the service's own database: one transaction a chunk, the position first, then the effects (design 3.2).
 * It never throws: whatever happens is a verdict for the log's consumer.
 */
export class Listener {
  readonly #positions = new Map<string, Position>();
  /** Where a partition was last sought to, after a fetch that started elsewhere. */
  readonly #astray = new Map<string, number>();
  readonly #attempts = new Map<string, number>();
  readonly #hearings: ReadonlyMap<string, Hearing>;

  constructor(private readonly options: ListenerOptions) {
    this.#hearings = new Map(options.hearings.map((hearing) => [hearing.stream.topic, hearing]));
  }

  /** What we remember of a partition may be stale: it came to us, or came back. */
  forget(topic: string, partition: number): void {
    this.#positions.delete(`${topic}/${partition}`);
    this.#astray.delete(`${topic}/${partition}`);
  }

  async heard(fetch: Fetch, beat: () => Promise<void>): Promise<Verdict> {
    const place = { topic: fetch.topic, partition: fetch.partition };
    const name = `${place.topic}/${place.partition}`;
    let position: Position | undefined;
    try {
      position = this.#positions.get(name) ?? (await this.#load(place));
      if (position.stopped) return this.#stopped(place, position.stopped);
      if (fetch.from !== position.next) {
        const verdict = await this.#whenAstray(fetch, position);
        if (verdict) return verdict;
      }
      this.#astray.delete(name);
      for (let at = 0; at === 0 || at < fetch.records.length; at += RECORDS_PER_CHUNK) {
        const records = fetch.records.slice(at, at + RECORDS_PER_CHUNK);
        const last = at + RECORDS_PER_CHUNK >= fetch.records.length;
        position = await this.#chunk(place, position, records, last ? fetch.next : records.at(-1)!.offset + 1);
        this.#positions.set(name, position);
        this.#attempts.delete(name);
        await beat();
      }
      return { kind: 'continue', at: position.next };
    } catch (error) {
      this.forget(place.topic, place.partition);
      return this.#failed(place, error, position?.next ?? fetch.from);
    }
  }

  /** Hears the records of a parked key, in order, and un-parks it. @throws parked.not_found, and whatever still stops the key. */
  async release(place: Place, key: string): Promise<number> {
    const hearing = this.#hearings.get(place.topic);
    if (!hearing) throw new Problem('not_found', 'parked.not_found', 'This service does not hear that topic.');
    return this.options.db.tx(async (tx) => {
      const records = await takeParked(tx, place, key);
      await hearing.handle(new Batch(records.map((record) => parse(hearing.stream, record))), tx);
      return records.length;
    });
  }

  async #load({ topic, partition }: Place): Promise<Position> {
    const { db, log } = this.options;
    const found = await findPosition(db, topic, partition);
    if (found) return found;
    await startAt(db, topic, partition, (await log.watermarks([topic])).get(topic)![partition]!.low);
    return (await findPosition(db, topic, partition))!;
  }

  /** A fetch that does not start at our position: one seek; if it still differs, the watermarks decide (facts of kafkajs: holes are normal). */
  async #whenAstray(fetch: Fetch, position: Position): Promise<Verdict | undefined> {
    const name = `${fetch.topic}/${fetch.partition}`;
    if (this.#astray.get(name) !== position.next) { // the first time, or another owner has moved it since
      this.#astray.set(name, position.next);
      return { kind: 'continue', at: position.next };
    }
    const { low, high } = (await this.options.log.watermarks([fetch.topic])).get(fetch.topic)![fetch.partition]!;
    return fetch.from < position.next || low > position.next || high < position.next ? this.#stop(fetch, position.next, 'log.truncated') : undefined;
  }

  /** One chunk in one transaction; where a record cannot be heard, one by one, so that only the culprit is parked. */
  async #chunk(place: Place, position: Position, records: readonly LogRecord[], next: number): Promise<Position> {
    try {
      return await this.#transact(place, position, { records, next });
    } catch (error) {
      if (isTransient(error) || isVerdict(error) || records.length === 0) throw error;
      if (records.length === 1) return this.#transact(place, position, { records, next, culprit: error });
      let now = position;
      for (const [index, record] of records.entries()) now = await this.#chunk(place, now, [record], index === records.length - 1 ? next : record.offset + 1);
      return now;
    }
  }

  async #transact(place: Place, position: Position, chunk: { records: readonly LogRecord[]; next: number; culprit?: unknown }): Promise<Position> {
    const { service, db } = this.options;
    const hearing = this.#hearings.get(place.topic)!;
    const { records, after } = sift(hearing.stream, position, chunk.records, chunk.next);
    metrics.repeated.inc({ service, topic: place.topic }, chunk.records.length - records.length);
    const finished = metrics.chunk.startTimer({ service, topic: place.topic });
    await fault('consumer.before-begin');
    const heard = await traced(`process ${place.topic}`, records, () => db.tx(async (tx) => {
      await fault('consumer.before-cas');
      const parkedKeys = (await movePosition(tx, place, position, after)) > 0 ? await parkedAmong(tx, place, records.map(parkingKey)) : new Set<string>();
      await fault('consumer.after-cas');
      const fresh = await this.#park(tx, { ...place, parkedKeys, culprit: chunk.culprit }, records);
      if (fresh.length > 0) await hearing.handle(new Batch(fresh), tx);
      await fault('consumer.before-commit');
      return fresh;
    }));
    await fault('consumer.after-commit');
    finished();
    metrics.heard.inc({ service, topic: place.topic }, heard.length);
    if (heard.length > 0) metrics.lag.set({ service, topic: place.topic }, (Date.now() - heard.at(-1)!.acceptedAt) / 1_000);
    return after;
  }

  /** What can be heard; the rest is parked: records that are not ours or stopped us, and everything behind them with the same key. */
  async #park(tx: Tx, place: Place & { parkedKeys: Set<string>; culprit?: unknown }, records: readonly LogRecord[]): Promise<Heard<MessagesOf<Stream>>[]> {
    const { stream } = this.#hearings.get(place.topic)!;
    const heard: Heard<MessagesOf<Stream>>[] = [];
    const waiting: LogRecord[] = [];
    for (const record of records) {
      const key = parkingKey(record);
      if (place.parkedKeys.has(key)) {
        waiting.push(record);
        continue;
      }
      try {
        if (place.culprit) throw place.culprit;
        heard.push(parse(stream, record));
      } catch (error) {
        const { code, message } = reasonOf(error);
        await parkKey(tx, place, record, { code, message });
        place.parkedKeys.add(key);
        metrics.parked.inc({ service: this.options.service, topic: place.topic, code });
        this.options.report('error', 'a record was parked', { topic: place.topic, partition: place.partition, offset: record.offset, code, ...(code === 'handler.failed' && { error }) });
      }
    }
    await parkRecords(tx, place, waiting);
    return heard;
  }

  async #failed(place: Place, error: unknown, at: number): Promise<Verdict> {
    const name = `${place.topic}/${place.partition}`;
    if (error instanceof Problem && error.code === 'position.fenced') return { kind: 'retry', at, afterMs: 100 };
    if (error instanceof Problem && error.code === 'producer.epoch_changed') {
      return this.#stop(place, at, error.code);
    }
    const attempt = (this.#attempts.get(name) ?? 0) + 1;
    this.#attempts.set(name, attempt);
    metrics.retries.inc({ service: this.options.service, topic: place.topic });
    this.options.report(attempt > 5 ? 'error' : 'warn', 'a chunk will be tried again', { ...place, attempt, error });
    return { kind: 'retry', at, afterMs: Math.min(30_000, 100 * 2 ** attempt) * (0.5 + Math.random() / 2) };
  }

  /** Unless another owner has moved it: then what we know is old. */
  async #stop(place: Place, at: number, code: string): Promise<Verdict> {
    const isOurs = await stopPosition(this.options.db, { ...place, at }, code).catch(() => false);
    return isOurs ? this.#stopped(place, code) : { kind: 'retry', at, afterMs: 100 };
  }

  #stopped({ topic, partition }: Place, code: string): Verdict {
    metrics.stopped.inc({ service: this.options.service, topic });
    this.options.report('error', 'a partition stands still until somebody looks at it', { topic, partition, code });
    return { kind: 'stop', code };
  }
}

/** Drops what was heard before: a running maximum of the producer's numbers, also within the chunk. State topics go by version instead. */
function sift(stream: Stream, position: Position, records: readonly LogRecord[], next: number): Sifted {
  if (stream.compacted) return { records: [...records], after: { ...position, next, acceptedThrough: acceptedThrough(records) } };
  let { heardN, epoch } = position;
  const fresh = records.filter((record) => {
    const number = numberOf(record);
    if (!number) return true; // not one of ours: it will be parked
    if (epoch !== null && number.epoch !== epoch) throw new Problem('conflict', 'producer.epoch_changed', 'The producer speaks from another database than before.');
    if (epoch !== null && number.n <= heardN) return false;
    ({ n: heardN, epoch } = number);
    return true;
  });
  return { records: fresh, after: { ...position, next, heardN, epoch, acceptedThrough: acceptedThrough(records) } };
}

/** When the last record was accepted. Within a partition the times are nearly in order; timers allow for the rest. */
function acceptedThrough(records: readonly LogRecord[]): number | null {
  const text = /"acceptedAt":"([^"]{20,30})"/.exec(records.findLast(numberOf)?.value ?? '')?.[1]; // what is not ours says nothing about time
  const at = text ? Date.parse(text) : Number.NaN;
  return at >= 0 ? at : null;
}

const isVerdict = (error: unknown): boolean => error instanceof Problem && (error.code === 'position.fenced' || error.code === 'producer.epoch_changed');

function reasonOf(error: unknown): { code: string; message: string } {
  if (error instanceof Problem) return { code: error.code, message: error.message };
  return { code: 'handler.failed', message: error instanceof Error ? error.name : 'unknown' }; // an error's text may quote the record
}

/** A span over the chunk: a child of the one trace in it, or linked to the first of many. */
async function traced<T>(name: string, records: readonly LogRecord[], work: () => Promise<T>): Promise<T> {
  const parents = [...new Set(records.flatMap(({ headers }) => headers['traceparent'] ?? []))].slice(0, 32);
  if (parents.length === 0) return work();
  const contexts = parents.map((traceparent): Context => propagation.extract(context.active(), { traceparent }));
  const links = contexts.flatMap((one): Link[] => (trace.getSpanContext(one) ? [{ context: trace.getSpanContext(one)! }] : []));
  const parent = contexts.length === 1 ? contexts[0]! : context.active();
  const options = { ...(contexts.length > 1 && { links }), attributes: { 'messaging.batch.message_count': records.length } };
  return trace.getTracer('yunke').startActiveSpan(name, options, parent, async (span) => {
    try {
      return await work();
    } finally {
      span.end();
    }
  });
}
