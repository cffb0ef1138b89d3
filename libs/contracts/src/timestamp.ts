const rfc3339 = /^(\d{4})-(\d\d)-(\d\d)T([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d{1,9})?(Z|[+-]([01]\d|2[0-3]):[0-5]\d)$/;
const earliest = Date.UTC(1900, 0, 1);
const latest = Date.UTC(10_000, 0, 1) - 1;

/**
 * Whether a text is an RFC 3339 time with a zone, on a date that exists, in the years 1900 to 9999 of UTC.
 * `Date.parse` alone takes 30 February for 2 March, and leap seconds have no place in integer milliseconds.
 */
export function isTimestamp(text: string): boolean {
  const parts = rfc3339.exec(text);
  if (!parts) return false;
  const [, year, month, day] = parts.map(Number);
  if (month < 1 || month > 12 || day < 1 || day > daysIn(year, month)) return false;
  const at = Date.parse(text);
  return at >= earliest && at <= latest;
}

function daysIn(year: number, month: number): number {
  if (month === 2) return (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0 ? 29 : 28;
  return [4, 6, 9, 11].includes(month) ? 30 : 31;
}
