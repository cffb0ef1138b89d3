import { readFileSync, statSync } from 'node:fs';

/** Milliseconds since 1970, UTC. All instants in code are of this type; texts appear only on the wire. */
export type Millis = number;

/** RFC 3339 in UTC with milliseconds. @throws RangeError when it is not an instant */
export function iso(at: Millis): string {
  const day = Math.floor(at / DAY);
  if (day !== last.day) {
    const text = new Date(at).toISOString();
    if (text.length !== CANONICAL.length) return text; // before the year 0 or after 9999
    last = { day, date: text.slice(0, 11) };
  }
  const ms = Math.trunc(at) - day * DAY;
  return `${last.date}${TWO[Math.trunc(ms / HOUR)]}:${TWO[Math.trunc(ms / 60_000) % 60]}:${TWO[Math.trunc(ms / 1_000) % 60]}.${THREE[ms % 1_000]}Z`;
}

/** The instant of an RFC 3339 text that a contract's validator has already accepted. */
export function millis(text: string): Millis {
  if (text.length !== CANONICAL.length || !text.startsWith(last.date) || text[23] !== 'Z') return Date.parse(text);
  return last.day * DAY + digits(text, 11, 13) * HOUR + digits(text, 14, 16) * 60_000 + digits(text, 17, 19) * 1_000 + digits(text, 20, 23);
}

const CANONICAL = '2026-11-23T17:16:43.123Z';
/** Most instants are of the same day as the one before: making and reading its date each time costs ten times as much. */
let last = { day: NaN, date: '-' };
const TWO = Array.from({ length: 60 }, (_, n) => String(n).padStart(2, '0'));
const THREE = Array.from({ length: 1_000 }, (_, n) => String(n).padStart(3, '0'));

function digits(text: string, from: number, to: number): number {
  let number = 0;
  for (let at = from; at < to; at++) number = number * 10 + text.charCodeAt(at) - 48;
  return number;
}

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
