import type { Fetch, LogRecord, Verdict } from './log.js';
import type { Position } from './position.js';

export const RECORDS_PER_CHUNK = 1_000;

/** One partition's share in a fetch: where it stands now and, once it is known, what becomes of it. */
export type Turn = { readonly fetch: Fetch; readonly name: string; position: Position; verdict?: Verdict };

/** What one transaction hears of one partition. */
export type Part = { readonly turn: Turn; readonly records: readonly LogRecord[]; readonly next: number };

/** The fetches in chunks of at most so many records, in order; a partition has one part in a chunk. */
export function* chunksOf(turns: readonly Turn[]): Generator<Part[]> {
  let chunk: Part[] = [];
  let room = RECORDS_PER_CHUNK;
  for (const turn of turns) {
    const { records, next } = turn.fetch;
    for (let at = 0, more = true; more;) {
      const taken = records.slice(at, at + room);
      at += taken.length;
      more = at < records.length;
      chunk.push({ turn, records: taken, next: more ? taken.at(-1)!.offset + 1 : next });
      room -= taken.length;
      if (room > 0) continue;
      yield chunk;
      [chunk, room] = [[], RECORDS_PER_CHUNK];
    }
  }
  if (chunk.length > 0) yield chunk;
}
