import type { Fact, Stream } from '@yunke/contracts';
import { Problem, type Millis } from '@yunke/kernel';

import type { LogRecord } from './log.js';
import type { CausedFact } from './say.js';

/** The messages of a stream, by type. */
export type MessagesOf<S> = S extends Stream<infer M> ? M : never;

/** One event as a handler hears it. `key` is the readable form: the value of the field that the stream's option names. */
export type Heard<M extends Record<string, object>> = {
  [T in keyof M & string]: {
    readonly type: T;
    readonly body: M[T];
    readonly id: string;
    readonly key: string;
    readonly acceptedAt: Millis;
    readonly traceparent?: string;
  };
}[keyof M & string];

export type Folded<S> = { states: S[]; facts: CausedFact[] };

/** What one transaction hears: records of some partitions of a topic, each partition's in order, none of them heard before. */
export class Batch<S extends Stream> {
  constructor(readonly records: readonly Heard<MessagesOf<S>>[]) {}

  /** The readable keys, each once, in code unit order: the order in which rows are locked. */
  keys(): string[] {
    return [...new Set(this.records.map(({ key }) => key))].sort();
  }

  /**
   * Folds the records, in order, into the states of their keys. `states` must hold every key.
   * Returns the touched states, one a key, and the facts, each stamped with its cause: the record it came from.
   */
  fold<T>(states: ReadonlyMap<string, T>, step: (state: T, record: Heard<MessagesOf<S>>) => { state: T; facts: readonly Fact[] }): Folded<T> {
    const now = new Map<string, T>();
    const facts: CausedFact[] = [];
    for (const record of this.records) {
      const result = step((now.get(record.key) ?? states.get(record.key))!, record);
      now.set(record.key, result.state);
      facts.push(...causedBy(record, result.facts));
    }
    return { states: [...now.values()], facts };
  }
}

/** The facts with the record they came from as their cause. */
export function causedBy(record: { readonly id: string; readonly traceparent?: string | undefined }, facts: readonly Fact[]): CausedFact[] {
  return facts.map((fact) => ({ ...fact, cause: record.id, ...(record.traceparent && { traceparent: record.traceparent }) }));
}

/** The number that the producer gave the record and the epoch of the producer's database; undefined when it carries none. */
export function numberOf(record: LogRecord): { n: number; epoch: string } | undefined {
  const n = Number(record.headers['ce_yunken']);
  const epoch = record.headers['ce_yunkeepoch'];
  return Number.isSafeInteger(n) && n > 0 && epoch ? { n, epoch } : undefined;
}

/** The event in a record of a stream. @throws record.* (invalid) when the record is not one of ours: it will be parked. */
export function parse<S extends Stream>(stream: S, record: LogRecord): Heard<MessagesOf<S>> {
  const type = record.headers['ce_type'];
  const id = record.headers['ce_id'];
  if (!type || !id || !numberOf(record)) throw new Problem('invalid', 'record.headers_missing', 'The record lacks the headers of an event.');
  if (!stream.types.includes(type)) throw new Problem('invalid', 'record.type_unknown', `This version does not know the type ${type.slice(0, 100)}.`);
  const body = parseValue(record.value);
  const key = body[stream.key];
  if (typeof key !== 'string') throw new Problem('invalid', 'record.key_missing', `The record lacks its field ${stream.key}.`);
  const acceptedAt = Date.parse(String(body['acceptedAt'] ?? body['effectiveAt']));
  if (Number.isNaN(acceptedAt)) throw new Problem('invalid', 'record.time_missing', 'The record does not say when it was accepted.');
  return { type, id, key, acceptedAt, body, ...(record.headers['traceparent'] && { traceparent: record.headers['traceparent'] }) } as never;
}

function parseValue(value: string | null): Record<string, unknown> {
  try {
    const body: unknown = JSON.parse(value ?? '');
    if (typeof body === 'object' && body !== null && !Array.isArray(body)) return body as Record<string, unknown>;
  } catch {
    // said below
  }
  throw new Problem('invalid', 'record.value_malformed', 'The value is not a JSON object.');
}
