import { readFileSync, statSync } from 'node:fs';

/** Milliseconds since 1970, UTC. All instants in code are of this type; texts appear only on the wire. */
export type Millis = number;

export const iso = (at: Millis): string => new Date(at).toISOString();

/** The instant of an RFC 3339 text that a contract's validator has already accepted. */
export const millis = (text: string): Millis => Date.parse(text);

export const DAY: Millis = 86_400_000;
export const HOUR: Millis = 3_600_000;

let cached = { file: '', changedAt: -1, offset: 0 };

/**
 * What to add to the database's clock to get business time: the integer in the file that `YUNKE_CLOCK` names, 0 without one.
 * Every process reads the same file, so all of them travel in time together. Leases never use it; production refuses it.
 */
export function clockOffset(file = process.env['YUNKE_CLOCK']): Millis {
  if (!file) return 0;
  try {
    const changedAt = statSync(file).mtimeMs;
    if (cached.file !== file || cached.changedAt !== changedAt) cached = { file, changedAt, offset: Number(readFileSync(file, 'utf8').trim() || 0) };
    return cached.offset;
  } catch {
    return 0; // not written yet
  }
}
