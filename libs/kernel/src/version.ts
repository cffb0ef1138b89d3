/**
 * The one total order of everything that is observed (design 3.1): the source's version or the event time, then when it was
 * accepted, then the message id. All numbers are integers; a register keeps the value of the largest.
 */
export type Version = readonly [rank: number, acceptedAt: number, messageId: string];

/** Negative, zero or positive as `a` is before, the same as, or after `b`. */
export function compareVersions(a: Version, b: Version): number {
  return a[0] - b[0] || a[1] - b[1] || compareText(a[2], b[2]);
}

/** Code unit order: what `order by … collate "C"` gives for ASCII, and never a locale's. */
export function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
