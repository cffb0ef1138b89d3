import { fault } from '@yunke/kernel';
import type { Db, Tx } from '@yunke/postgres';

/** One event as it is said and published; `json` is the record's value, empty where that is null. */
export type Said = { readonly key: string; readonly id: string; readonly type: string; readonly time: string; readonly traceparent: string; readonly json: string };

/** A row of the outbox in the making: what one transaction says to one partition. */
export type OutboxRow = { readonly topic: string; readonly partition: number; readonly events: Said[]; characters: number };

/** A row that is written. */
export type WrittenRow = Readonly<OutboxRow> & { readonly id: string };

const EVENTS_PER_ROW = 1_000;
/** Rows a statement. Every text is prepared once a connection, so there are few: a statement is filled up with nulls. */
const ROWS = [1, 2, 4, 8, 16, 32, 64, 128] as const;
const MOST = ROWS.at(-1)!;

/** An event in two lines. The first: key, id, type, time, traceparent, apart by tabs; the second: the value. */
const linesOf = ({ key, id, type, time, traceparent, json }: Said): string => `${key}\t${id}\t${type}\t${time}\t${traceparent}\n${json}`;

/** Whether the row takes one more event. */
export const hasRoom = ({ events }: OutboxRow): boolean => events.length < EVENTS_PER_ROW;

/** The characters an event takes, nearly. */
export const charactersOf = ({ key, id, type, time, traceparent, json }: Said): number => key.length + id.length + type.length + time.length + traceparent.length + json.length + 6;

/**
 * Writes rows, in order. A parameter a value, and not an array a column: a hundred kilobytes of text would be copied five times on
 * their way to the table.
 */
export async function writeOutbox(tx: Tx, rows: readonly OutboxRow[]): Promise<WrittenRow[]> {
  const written: WrittenRow[] = [];
  for (let at = 0; at < rows.length; at += MOST) {
    const some = rows.slice(at, at + MOST);
    const places = ROWS.find((one) => one >= some.length)!;
    const values: unknown[] = some.flatMap(({ topic, partition, events }) => [topic, partition, events.length, events.map(linesOf).join('\n')]);
    while (values.length < 4 * places) values.push(null);
    const ids = await tx.query<{ id: string }>(INSERTS.get(places)!, values);
    for (const [index, { id }] of ids.entries()) written.push({ ...some[index]!, id });
  }
  await fault('outbox.written');
  return written;
}

const INSERTS = new Map<number, string>(ROWS.map((rows) => {
  const places = Array.from({ length: rows }, (_, row) => `($${4 * row + 1}::text, $${4 * row + 2}::int, $${4 * row + 3}::int, $${4 * row + 4}::text)`);
  return [rows, `insert into outbox (topic, partition, events, payload) select * from (values ${places.join(', ')}) as said (topic, partition, events, payload) where topic is not null returning id`];
}));

/** What rows of the outbox hold, by id. */
export async function readOutbox(db: Db, ids: readonly string[]): Promise<Map<string, Said[]>> {
  if (ids.length === 0) return new Map();
  const rows = await db.query<{ id: string; payload: string }>('select id, payload from outbox where id = any($1)', [ids]);
  return new Map(rows.map(({ id, payload }) => [id, eventsIn(payload)]));
}

function eventsIn(payload: string): Said[] {
  const lines = payload.split('\n');
  const events: Said[] = [];
  for (let at = 0; at < lines.length; at += 2) {
    const [key, id, type, time, traceparent] = lines[at]!.split('\t') as [string, string, string, string, string];
    events.push({ key, id, type, time, traceparent, json: lines[at + 1]! });
  }
  return events;
}
