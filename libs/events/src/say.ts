import { context, propagation } from '@opentelemetry/api';

import { streamOf, type Fact, type Stream } from '@yunke/contracts';
import { fault, opaqueId, uuidv5 } from '@yunke/kernel';
import { columnsOf, packed, packedColumn, type Tx } from '@yunke/postgres';

import { partitionOf } from './partition.js';
import { voiceOf } from './voice.js';

/** A fact and why: the id of the record, timer, walk or request that led to it. Its own id follows from that. */
export type CausedFact = Fact & { readonly cause: string; readonly id?: string; readonly traceparent?: string };

type Said = { topic: string; partition: number; line: string };

const EVENTS_PER_ROW = 1_000;
const collected = new WeakMap<Tx, { said: Said[]; ordinals: Map<string, number> }>();

/**
 * Says facts, in order, in this transaction: they are collected here, written last (after every lock, so that order per key is
 * order of commit), and published by the relay once the transaction is durable.
 * A fact's id is uuidv5 of (cause, service, type, key, ordinal), so a transaction that is tried again says the same.
 */
export function say(tx: Tx, facts: readonly CausedFact[]): void {
  if (facts.length === 0) return;
  let mine = collected.get(tx);
  if (!mine) {
    collected.set(tx, (mine = { said: [], ordinals: new Map() }));
    const { said } = mine;
    tx.beforeCommit(() => write(tx, said));
  }
  const trace = activeTrace();
  for (const fact of facts) mine.said.push(encode(tx, fact, mine.ordinals, trace));
}

function encode(tx: Tx, fact: CausedFact, ordinals: Map<string, number>, trace: string): Said {
  const { service, secret, partitions } = voiceOf(tx.db);
  const stream = streamOf(fact.type);
  const body = fact.body as unknown as Record<string, unknown>;
  const readable = body[stream.key] as string;
  const key = stream.opaqueKey ? readable : opaqueId(secret, stream.key, readable);
  const name = `${fact.cause}|${service}|${fact.type}|${key}`;
  const ordinal = ordinals.get(name) ?? 0;
  ordinals.set(name, ordinal + 1);
  const id = fact.id ?? uuidv5(`${name}|${ordinal}`);
  const time = (body['effectiveAt'] ?? body['occurredAt'] ?? body['acceptedAt']) as string;
  const line = `${key}\t${id}\t${fact.type}\t${time}\t${fact.traceparent ?? trace}\n${JSON.stringify(body)}`;
  return { topic: stream.topic, partition: partitionOf(key, partitionsOf(stream, partitions)), line };
}

/** How many partitions a topic has in an installation: its choice, except for streams that must stay in one order. */
export const partitionsOf = (stream: Stream, installation: number): number => (stream.partitions === 1 ? 1 : installation);

/** The event behind two lines of an outbox row. The first: key, id, type, time, traceparent, apart by tabs; the second: the value. */
export function decode(head: string): { key: string; id: string; type: string; time: string; traceparent: string } {
  const [key, id, type, time, traceparent] = head.split('\t') as [string, string, string, string, string];
  return { key, id, type, time, traceparent };
}

async function write(tx: Tx, said: readonly Said[]): Promise<void> {
  const rows = new Map<string, { topic: string; partition: number; lines: string[] }[]>();
  for (const { topic, partition, line } of said) {
    const place = `${topic} ${partition}`;
    const open = rows.get(place) ?? rows.set(place, []).get(place)!;
    const last = open.at(-1);
    if (last && last.lines.length < EVENTS_PER_ROW) last.lines.push(line);
    else open.push({ topic, partition, lines: [line] });
  }
  const outbox = [...rows.values()].flat().map(({ topic, partition, lines }) => ({ topic, partition, events: lines.length, payload: lines.join('\n') }));
  await tx.query(
    `insert into outbox (topic, partition, events, payload) select * from unnest($1::text[], $2::int[], $3::int[], ${packed('$4', 'text')})`,
    [...columnsOf(outbox, 'topic', 'partition', 'events'), packedColumn(outbox, 'payload')],
  );
  await fault('outbox.written');
  const voice = voiceOf(tx.db);
  tx.afterCommit(() => voice.wake());
}

function activeTrace(): string {
  const carrier: { traceparent?: string } = {};
  propagation.inject(context.active(), carrier);
  return carrier.traceparent ?? '';
}
