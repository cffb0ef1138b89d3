import type { Millis } from '@yunke/kernel';

/**
 * When something is true: half-open intervals [from, until) as one flat list from, until, from, until, …, strictly ascending, so
 * that they are disjoint and never touch. -Infinity: since ever; Infinity: for ever, if nothing else happens.
 */
export type Intervals = readonly Millis[];

export const NEVER: Intervals = [];
export const ALWAYS: Intervals = [-Infinity, Infinity];

/** When both are true. */
export function and(a: Intervals, b: Intervals): Intervals {
  if (a === ALWAYS) return b;
  if (b === ALWAYS) return a;
  if (a.length === 0 || b.length === 0) return NEVER;
  const out: Millis[] = [];
  let i = 0, j = 0;
  while (i < a.length && j < b.length) {
    const from = a[i]! > b[j]! ? a[i]! : b[j]!;
    const aUntil = a[i + 1]!, bUntil = b[j + 1]!;
    const until = aUntil < bUntil ? aUntil : bUntil;
    if (from < until) out.push(from, until);
    if (aUntil < bUntil) i += 2;
    else j += 2;
  }
  return out;
}

/** When `a` is true and `b` is not. */
export function without(a: Intervals, b: Intervals): Intervals {
  if (a.length === 0 || b.length === 0) return a;
  const out: Millis[] = [];
  let j = 0;
  for (let i = 0; i < a.length; i += 2) {
    let from = a[i]!;
    const until = a[i + 1]!;
    while (j < b.length && b[j + 1]! <= from) j += 2;
    for (let k = j; k < b.length && b[k]! < until; k += 2) {
      if (from < b[k]!) out.push(from, b[k]!);
      from = b[k + 1]!;
    }
    if (from < until) out.push(from, until);
  }
  return out;
}

/** When either is true. Intervals that touch become one. */
export function or(a: Intervals, b: Intervals): Intervals {
  if (a.length === 0) return b;
  if (b.length === 0) return a;
  const out: Millis[] = [];
  let i = 0, j = 0;
  while (i < a.length || j < b.length) {
    const useA = j >= b.length || (i < a.length && a[i]! <= b[j]!);
    const from = useA ? a[i]! : b[j]!;
    const until = useA ? a[i + 1]! : b[j + 1]!;
    if (useA) i += 2;
    else j += 2;
    add(out, from, until);
  }
  return out;
}

/** When it is not true. */
export const not = (a: Intervals): Intervals => without(ALWAYS, a);

/** When it is true or was true at most `forMs` ago: every interval lasts that much longer, and those that then touch become one. */
export function hold(a: Intervals, forMs: Millis): Intervals {
  const out: Millis[] = [];
  for (let i = 0; i < a.length; i += 2) add(out, a[i]!, a[i + 1]! + forMs);
  return out;
}

/** Adds an interval that begins at or after the last one does. An empty one adds nothing. */
export function add(out: Millis[], from: Millis, until: Millis): void {
  if (from >= until) return;
  const last = out.length - 1;
  if (last < 0 || out[last]! < from) out.push(from, until);
  else if (out[last]! < until) out[last] = until;
}

/** How many boundaries lie at or before `at`: odd inside an interval; the boundary with that index is the next one. */
export function passed(a: Intervals, at: Millis): number {
  let low = 0;
  let high = a.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (a[middle]! <= at) low = middle + 1;
    else high = middle;
  }
  return low;
}

export const contains = (a: Intervals, at: Millis): boolean => passed(a, at) % 2 === 1;

/** Since when the answer at `at`, yes or no, stands: the last boundary at or before it, or -Infinity. */
export function startOf(a: Intervals, at: Millis): Millis {
  const boundaries = passed(a, at);
  return boundaries === 0 ? -Infinity : a[boundaries - 1]!;
}

/** The next instant at which the answer changes, or Infinity. */
export const nextBoundary = (a: Intervals, at: Millis): Millis => a[passed(a, at)] ?? Infinity;
