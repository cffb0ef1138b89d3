import type { Stream } from '@yunke/contracts';
import { Problem, clockOffset, fault } from '@yunke/kernel';
import { isTransient, type Db, type Tx } from '@yunke/postgres';

import { Batch, numberOf, parse, type Heard, type MessagesOf } from './batch.js';
import { RECORDS_PER_CHUNK, chunksOf, type Part, type Turn } from './chunks.js';
import type { EventLog, Fetch, LogRecord, Verdict } from './log.js';
import { measured, metrics } from './metrics.js';
import { parkKey, parkRecords, parkedAmong, parkingKey, takeParked, type Place } from './park.js';
import { findPosition, movePositions, startAt, stopPosition, type Move, type Position } from './position.js';
import { traced } from './traced.js';
import { voiceOf } from './voice.js';

/** Who hears a stream; `copiesOnly`: our own, and of it what {@link OnCopies} says. */
export type Hearing = { readonly stream: Stream; readonly copiesOnly?: boolean; readonly handle: (batch: Batch<Stream>, tx: Tx) => Promise<unknown> };

export type ListenerOptions = {
  readonly db: Db;
  readonly log: EventLog;
  readonly service: string;
  readonly hearings: readonly Hearing[];
  /** Told what an operator must know: retries, parks, stops. Never given a value of a record. */
  readonly report: (level: 'warn' | 'error', message: string, about: Record<string, unknown>) => void;
};

/**
 * Hears partitions into the service's own database: one transaction a chunk, the positions first, then the effects (design 3.2).
 * A chunk takes what there is of all partitions of a topic; where one of them fails, each is heard by itself.
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

  /** One verdict a fetch. All of them are of one topic. */
  async heard(fetches: readonly Fetch[], beat: () => Promise<void>): Promise<Verdict[]> {
    const turns = await Promise.all(fetches.map((fetch) => this.#open(fetch)));
    const waiting = turns.filter(({ verdict }) => !verdict);
    const isMuch = sum(waiting, ({ fetch }) => fetch.records.length) > RECORDS_PER_CHUNK;
    const lanes = isMuch ? [0, 1].map((lane) => waiting.filter((_, index) => index % 2 === lane)) : [waiting]; // while one computes, the other's database works
    await Promise.all(lanes.map((lane) => this.#hearAll(lane, beat)));
    return turns.map(({ verdict, position }) => verdict ?? { kind: 'continue', at: position.next });
  }

  async #hearAll(turns: readonly Turn[], beat: () => Promise<void>): Promise<void> {
    for (const chunk of chunksOf(turns)) {
      const parts = chunk.filter(({ turn }) => !turn.verdict); // an earlier chunk of it may have failed
      if (parts.length > 0) await this.#hear(parts);
      await beat();
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

  /** Where the partition stands; with a verdict when there is nothing to hear in this fetch. */
  async #open(fetch: Fetch): Promise<Turn> {
    const name = `${fetch.topic}/${fetch.partition}`;
    try {
      const position = this.#positions.get(name) ?? (await this.#load(fetch));
      const verdict = position.stopped ? this.#stopped(fetch, position.stopped) : fetch.from === position.next ? undefined : await this.#whenAstray(fetch, position);
      if (!verdict) this.#astray.delete(name);
      return { fetch, name, position, ...(verdict && { verdict }) };
    } catch (error) {
      return { fetch, name, position: UNKNOWN, verdict: await this.#failed(fetch, error, fetch.from) };
    }
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

  /** One chunk in one transaction; where that fails, partition by partition, so that only the culprit's is held up. */
  async #hear(parts: readonly Part[]): Promise<void> {
    try {
      await this.#transact(parts);
    } catch (error) {
      if (isTransient(error)) await this.#fail(parts, error);
      else if (parts.length > 1) for (const part of parts) await this.#hear([part]);
      else await this.#hearOneByOne(parts[0]!, error);
    }
  }

  /** A partition's part that failed, record by record, so that only the culprit is parked. */
  async #hearOneByOne(part: Part, error: unknown): Promise<void> {
    const { turn, records, next } = part;
    if (isVerdict(error) || records.length === 0) return this.#fail([part], error);
    if (records.length === 1) return this.#transact([part], error).catch((failure: unknown) => this.#fail([part], failure));
    for (const record of records) {
      if (!turn.verdict) await this.#hear([{ turn, records: [record], next: record === records.at(-1) ? next : record.offset + 1 }]);
    }
  }

  async #fail(parts: readonly Part[], error: unknown): Promise<void> {
    for (const { turn } of parts) turn.verdict = await this.#failed(turn.fetch, error, turn.position.next);
  }

  /** `culprit`: why the only record cannot be heard, and is parked. */
  async #transact(parts: readonly Part[], culprit?: unknown): Promise<void> {
    const { service, db } = this.options;
    const { topic } = parts[0]!.turn.fetch;
    const hearing = this.#hearings.get(topic)!;
    const sifted = parts.map(({ turn, records, next }) => ({ turn, partition: turn.fetch.partition, from: turn.position, ...this.#sift(hearing, turn.position, records, next) }));
    await fault('consumer.before-begin');
    const span = { service, topic, records: sifted.flatMap(({ records }) => records) };
    const heard = await traced(span, () => measured({ service, handler: topic }, () => db.tx(async (tx) => {
      await fault('consumer.before-cas');
      const withParked = await movePositions(tx, topic, sifted);
      await fault('consumer.after-cas');
      const fresh: Heard<MessagesOf<Stream>>[] = [];
      for (const { partition, records } of sifted) {
        const parkedKeys = withParked.has(partition) ? await parkedAmong(tx, { topic, partition }, records.map(parkingKey)) : new Set<string>();
        fresh.push(...(await this.#park(tx, { topic, partition, parkedKeys, culprit }, records)));
      }
      if (fresh.length > 0) await hearing.handle(new Batch(fresh), tx);
      await fault('consumer.before-commit');
      return fresh;
    })));
    await fault('consumer.after-commit');
    for (const { turn, to } of sifted) {
      turn.position = to;
      this.#positions.set(turn.name, to);
      this.#attempts.delete(turn.name);
    }
    this.#measure(topic, { heard, repeated: hearing.stream.compacted ? 0 : sum(parts, ({ records }) => records.length) - sum(sifted, ({ records }) => records.length) });
  }

  /** What of these records is to be heard, and where the position then stands. */
  #sift({ stream, copiesOnly }: Hearing, position: Position, records: readonly LogRecord[], next: number): { records: readonly LogRecord[]; to: Move['to'] } {
    const sifted = copiesOnly ? copiesAmong(position, records, voiceOf(this.options.db).epoch) : stream.compacted ? { records } : freshAmong(position, records);
    const { records: heard, ...numbers } = { heardN: position.heardN, epoch: position.epoch, ...sifted };
    return { records: heard, to: { ...position, ...numbers, next, acceptedThrough: acceptedThrough(records) } };
  }

  #measure(topic: string, { heard, repeated }: { heard: readonly Heard<MessagesOf<Stream>>[]; repeated: number }): void {
    const labels = { service: this.options.service, topic };
    metrics.repeated.inc(labels, repeated);
    metrics.heard.inc(labels, heard.length);
    if (heard.length > 0) metrics.endToEnd.observe(labels, Math.max(0, Date.now() + clockOffset() - heard.at(-1)!.acceptedAt) / 1_000);
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

  async #failed({ topic, partition }: Place, error: unknown, at: number): Promise<Verdict> {
    const place = { topic, partition };
    const name = `${topic}/${partition}`;
    this.forget(topic, partition);
    if (error instanceof Problem && error.code === 'position.fenced') return { kind: 'retry', at, afterMs: 100 };
    if (error instanceof Problem && error.code === 'producer.epoch_changed') return this.#stop(place, at, error.code);
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
    this.options.report('error', 'a partition stands still until somebody looks at it', { topic, partition, code });
    return { kind: 'stop', code };
  }
}

const UNKNOWN: Position = { next: 0, heardN: 0, epoch: null, parked: 0, stopped: null };

const sum = <T>(all: readonly T[], of: (one: T) => number): number => all.reduce((total, one) => total + of(one), 0);

type Sifted = { readonly records: LogRecord[]; readonly heardN: number; readonly epoch: string | null };

/** Drops what was heard before: a running maximum of the producer's numbers, also within the chunk. State topics go by version instead. */
function freshAmong({ heardN, epoch }: Position, all: readonly LogRecord[]): Sifted {
  const records = all.filter((record) => {
    const number = numberOf(record);
    if (!number) return true; // not one of ours: it will be parked
    if (epoch !== null && number.epoch !== epoch) throw new Problem('conflict', 'producer.epoch_changed', 'The producer speaks from another database than before.');
    if (epoch !== null && number.n <= heardN) return false;
    ({ n: heardN, epoch } = number);
    return true;
  });
  return { records, heardN, epoch };
}

/** Of a topic that we write ourselves, in the epoch `own`: what we heard before, by the same numbers, and what is of another epoch. */
function copiesAmong(position: Position, all: readonly LogRecord[], own: string): Sifted {
  let heardN = position.epoch === own ? position.heardN : 0;
  const records = all.filter((record) => {
    const number = numberOf(record);
    if (number?.epoch !== own || number.n <= heardN) return true;
    heardN = number.n;
    return false;
  });
  return { records, heardN, epoch: own };
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
