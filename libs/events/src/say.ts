import { context, propagation } from '@opentelemetry/api';

import { streamOf, type Fact, type Stream } from '@yunke/contracts';
import { opaqueId, uuidv5 } from '@yunke/kernel';
import type { Tx } from '@yunke/postgres';

import { charactersOf, hasRoom, writeOutbox, type OutboxRow, type Said } from './outbox.js';
import type { Place } from './park.js';
import { partitionOf } from './partition.js';
import { voiceOf, type Voice } from './voice.js';

/** Why a fact is: the id of the record, timer, walk or request that led to it. Its own id follows from that. */
type Caused = { readonly cause: string; readonly id?: string; readonly traceparent?: string };
export type CausedFact = Fact & Caused;
/** A fact in its text: `json` is the whole of its contract; `key` is readable, `time` as RFC 3339. */
export type WordedFact = { readonly type: Fact['type']; readonly key: string; readonly time: string; readonly json: string } & Caused;

/** What one transaction says: rows in the order of their beginning, and of each topic the row that each partition still fills. */
type Collected = { readonly rows: OutboxRow[]; readonly open: Map<string, OutboxRow[]>; readonly ordinals: Map<string, number> };

const collected = new WeakMap<Tx, Collected>();

/**
 * Says facts, in order, in this transaction: they are collected here, written last (after every lock, so that order per key is
 * order of commit), and published by the relay once the transaction is durable.
 * A fact's id is uuidv5 of (cause, service, type, key, ordinal), so a transaction that is tried again says the same.
 */
export function say(tx: Tx, facts: readonly (CausedFact | WordedFact)[]): void {
  if (facts.length === 0) return;
  let mine = collected.get(tx);
  if (!mine) {
    collected.set(tx, (mine = { rows: [], open: new Map(), ordinals: new Map() }));
    const { rows } = mine;
    tx.beforeCommit(async () => {
      collected.delete(tx); // a scavenge keeps a weak map's values: what is written would be copied twice before it goes
      const written = await writeOutbox(tx, rows);
      tx.afterCommit(() => voiceOf(tx.db).said(written));
    });
  }
  const voice = voiceOf(tx.db);
  const trace = activeTrace();
  for (const fact of facts) collect(mine, fact, voice, trace);
}

function collect(mine: Collected, fact: CausedFact | WordedFact, { service, secret, partitions }: Voice, trace: string): void {
  const stream = streamOf(fact.type);
  const { key: readable, time, json } = 'json' in fact ? fact : wordsOf(fact, stream);
  const key = stream.opaqueKey ? readable : opaqueId(secret, stream.key, readable);
  const id = fact.id ?? derivedId(`${fact.cause}|${service}|${fact.type}|${key}`, mine.ordinals);
  add(mine, { topic: stream.topic, partition: partitionOf(key, partitionsOf(stream, partitions)) }, { key, id, type: fact.type, time, traceparent: parentOf(fact, trace), json });
}

function wordsOf({ body }: Fact, { key }: Stream): Pick<WordedFact, 'key' | 'time' | 'json'> {
  const fields = body as unknown as Record<string, string>;
  return { key: fields[key]!, time: (fields['effectiveAt'] ?? fields['occurredAt'] ?? fields['acceptedAt'])!, json: JSON.stringify(body) };
}

function derivedId(name: string, ordinals: Map<string, number>): string {
  const ordinal = ordinals.get(name) ?? 0;
  ordinals.set(name, ordinal + 1);
  return uuidv5(`${name}|${ordinal}`);
}

/** To the row that the partition still fills, or to its next one. */
function add({ rows, open }: Collected, { topic, partition }: Place, event: Said): void {
  let ofTopic = open.get(topic);
  if (!ofTopic) open.set(topic, (ofTopic = []));
  const characters = charactersOf(event);
  const filling = ofTopic[partition];
  if (filling && hasRoom(filling)) {
    filling.events.push(event);
    filling.characters += characters;
  } else rows.push((ofTopic[partition] = { topic, partition, events: [event], characters }));
}

/** How many partitions a topic has in an installation: its choice, except for streams that must stay in one order. */
export const partitionsOf = (stream: Stream, installation: number): number => (stream.partitions === 1 ? 1 : installation);

/** What was heard in a span of its own trace goes on from that span; in a chunk of many traces it goes on from where it came from. */
function parentOf({ traceparent }: Caused, trace: string): string {
  return traceparent === undefined || traceparent.slice(0, TRACE_ID_ENDS) === trace.slice(0, TRACE_ID_ENDS) ? trace : traceparent;
}

/** `00-<32 hex digits>-…`, by W3C Trace Context. */
const TRACE_ID_ENDS = 35;

function activeTrace(): string {
  const carrier: { traceparent?: string } = {};
  propagation.inject(context.active(), carrier);
  return carrier.traceparent ?? '';
}
