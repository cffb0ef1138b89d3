import { context, propagation } from '@opentelemetry/api';

import { streamOf, type Fact, type Stream } from '@yunke/contracts';
import { fault, opaqueId, uuidv5 } from '@yunke/kernel';
import type { Tx } from '@yunke/postgres';

import { partitionOf } from './partition.js';
import { voiceOf, type Voice } from './voice.js';

/**
 * A fact and why: the id of the record, timer, walk or request that led to it. Its own id follows from that. `json` is what is said,
 * where the caller has made the text; the body then need hold no more than its key and its times.
 */
export type CausedFact = Fact & { readonly cause: string; readonly id?: string; readonly traceparent?: string; readonly json?: string };

/** A row of the outbox in the making. */
type Row = { readonly topic: string; readonly partition: number; readonly lines: string[] };
/** What one transaction says: rows in the order of their beginning, and of each topic the row that each partition still fills. */
type Collected = { readonly rows: Row[]; readonly open: Map<string, Row[]>; readonly ordinals: Map<string, number> };

const EVENTS_PER_ROW = 1_000;
const collected = new WeakMap<Tx, Collected>();

/**
 * Says facts, in order, in this transaction: they are collected here, written last (after every lock, so that order per key is
 * order of commit), and published by the relay once the transaction is durable.
 * A fact's id is uuidv5 of (cause, service, type, key, ordinal), so a transaction that is tried again says the same.
 */
export function say(tx: Tx, facts: readonly CausedFact[]): void {
  if (facts.length === 0) return;
  let mine = collected.get(tx);
  if (!mine) {
    collected.set(tx, (mine = { rows: [], open: new Map(), ordinals: new Map() }));
    const { rows } = mine;
    tx.beforeCommit(() => {
      collected.delete(tx); // a scavenge keeps a weak map's values: what is written would be copied twice before it goes
      return write(tx, rows);
    });
  }
  const voice = voiceOf(tx.db);
  const trace = activeTrace();
  for (const fact of facts) collect(mine, fact, voice, trace);
}

function collect(mine: Collected, fact: CausedFact, { service, secret, partitions }: Voice, trace: string): void {
  const stream = streamOf(fact.type);
  const body = fact.body as unknown as Record<string, unknown>;
  const readable = body[stream.key] as string;
  const key = stream.opaqueKey ? readable : opaqueId(secret, stream.key, readable);
  const id = fact.id ?? derivedId(`${fact.cause}|${service}|${fact.type}|${key}`, mine.ordinals);
  const time = (body['effectiveAt'] ?? body['occurredAt'] ?? body['acceptedAt']) as string;
  const line = `${key}\t${id}\t${fact.type}\t${time}\t${parentOf(fact, trace)}\n${fact.json ?? JSON.stringify(body)}`;
  rowOf(mine, stream.topic, partitionOf(key, partitionsOf(stream, partitions))).lines.push(line);
}

function derivedId(name: string, ordinals: Map<string, number>): string {
  const ordinal = ordinals.get(name) ?? 0;
  ordinals.set(name, ordinal + 1);
  return uuidv5(`${name}|${ordinal}`);
}

/** The row that a partition's next event goes to. */
function rowOf({ rows, open }: Collected, topic: string, partition: number): Row {
  let ofTopic = open.get(topic);
  if (!ofTopic) open.set(topic, (ofTopic = []));
  const filling = ofTopic[partition];
  if (filling && filling.lines.length < EVENTS_PER_ROW) return filling;
  const row: Row = { topic, partition, lines: [] };
  rows.push(row);
  return (ofTopic[partition] = row);
}

/** How many partitions a topic has in an installation: its choice, except for streams that must stay in one order. */
export const partitionsOf = (stream: Stream, installation: number): number => (stream.partitions === 1 ? 1 : installation);

/** The event behind two lines of an outbox row. The first: key, id, type, time, traceparent, apart by tabs; the second: the value. */
export function decode(head: string): { key: string; id: string; type: string; time: string; traceparent: string } {
  const [key, id, type, time, traceparent] = head.split('\t') as [string, string, string, string, string];
  return { key, id, type, time, traceparent };
}

/** A parameter a value, and not an array a column: a hundred kilobytes of text would be copied five times on their way to the table. */
async function write(tx: Tx, rows: readonly Row[]): Promise<void> {
  const places = rows.map((_, at) => `($${4 * at + 1}, $${4 * at + 2}, $${4 * at + 3}, $${4 * at + 4})`);
  await tx.query(`insert into outbox (topic, partition, events, payload) values ${places.join(', ')}`,
    rows.flatMap(({ topic, partition, lines }) => [topic, partition, lines.length, lines.join('\n')]));
  await fault('outbox.written');
  const voice = voiceOf(tx.db);
  tx.afterCommit(() => voice.wake());
}

/** What was heard in a span of its own trace goes on from that span; in a chunk of many traces it goes on from where it came from. */
function parentOf({ traceparent }: CausedFact, trace: string): string {
  return traceparent === undefined || traceparent.slice(0, TRACE_ID_ENDS) === trace.slice(0, TRACE_ID_ENDS) ? trace : traceparent;
}

/** `00-<32 hex digits>-…`, by W3C Trace Context. */
const TRACE_ID_ENDS = 35;

function activeTrace(): string {
  const carrier: { traceparent?: string } = {};
  propagation.inject(context.active(), carrier);
  return carrier.traceparent ?? '';
}
