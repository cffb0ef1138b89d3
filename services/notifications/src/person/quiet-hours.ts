import { HOUR, type Millis } from '@yunke/kernel';

const MINUTE = 60_000;
const DAY_MINUTES = 24 * 60;

/** A daily window on the wall clock of a person's zone, `HH:MM`; it may cross midnight. `from` is quiet, `to` is not. */
export type QuietHours = { readonly from: string; readonly to: string };

/** By what customers call their zone: any letter case and any offset will do, so there is no end of names. A clock takes tens of kilobytes. */
const CLOCKS_KEPT = 500;
const clocks = new Map<string, Intl.DateTimeFormat>();

/** Whether it is a zone of the IANA database. */
export function isZone(zone: string): boolean {
  try {
    clockOf(zone);
    return true;
  } catch {
    return false;
  }
}

/**
 * When the quiet hours that hold at an instant end: the first later instant whose wall clock is outside of them. Undefined when it
 * is not quiet. Where a clock is put forward over the end, it is the first instant after the jump; put back, the first time it ends.
 */
export function quietUntil(at: Millis, { from, to }: QuietHours, zone: string): Millis | undefined {
  const [begin, end] = [minutesOf(from), minutesOf(to)];
  const isQuiet = (minute: number): boolean => (begin <= end ? begin <= minute && minute < end : begin <= minute || minute < end);
  const now = wallMinute(at, zone);
  if (!isQuiet(now)) return undefined;
  const thisMinute = at - (at % MINUTE);
  const guess = thisMinute + (((end - now + DAY_MINUTES) % DAY_MINUTES) || DAY_MINUTES) * MINUTE;
  if (zoneOffset(guess, zone) === zoneOffset(at, zone)) return guess;
  for (let next = thisMinute + MINUTE; next <= guess + 25 * HOUR; next += MINUTE) if (!isQuiet(wallMinute(next, zone))) return next;
  return guess;
}

const minutesOf = (clock: string): number => Number(clock.slice(0, 2)) * 60 + Number(clock.slice(3, 5));

function clockOf(zone: string): Intl.DateTimeFormat {
  let clock = clocks.get(zone);
  if (clock) return clock;
  clock = new Intl.DateTimeFormat('en-US', { timeZone: zone, hourCycle: 'h23', year: 'numeric', month: 'numeric', day: 'numeric', hour: 'numeric', minute: 'numeric' });
  if (clocks.size >= CLOCKS_KEPT) clocks.clear();
  clocks.set(zone, clock);
  return clock;
}

function wall(at: Millis, zone: string): Record<string, number> {
  return Object.fromEntries(clockOf(zone).formatToParts(at).map(({ type, value }) => [type, Number(value)]));
}

function wallMinute(at: Millis, zone: string): number {
  const { hour, minute } = wall(at, zone);
  return hour! * 60 + minute!;
}

/** What the zone's wall clock is ahead of UTC, in minutes. */
function zoneOffset(at: Millis, zone: string): number {
  const { year, month, day, hour, minute } = wall(at, zone);
  return (Date.UTC(year!, month! - 1, day, hour, minute) - (at - (at % MINUTE))) / MINUTE;
}
