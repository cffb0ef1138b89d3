const rfc3339 = /^\d{4}-\d\d-\d\dT(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{1,9})?(?:Z|[+-](?:[01]\d|2[0-3]):[0-5]\d)$/;
const earliest = Date.UTC(1900, 0, 1);
const latest = Date.UTC(10_000, 0, 1) - 1;

/**
 * Whether a text is an RFC 3339 time with a zone, on a date that exists, in the years 1900 to 9999 of UTC.
 * `Date.parse` alone takes 30 February for 2 March, and leap seconds have no place in integer milliseconds.
 */
export function isTimestamp(text: string): boolean {
  if (!rfc3339.test(text)) return false;
  const month = twoDigits(text, 5);
  const day = twoDigits(text, 8);
  if (month < 1 || month > 12 || day < 1) return false;
  const year = twoDigits(text, 0) * 100 + twoDigits(text, 2);
  if (day > 28 && day > daysIn(year, month)) return false;
  if (year > 1900 && year < 9999) return true; // whatever the zone
  const at = Date.parse(text);
  return at >= earliest && at <= latest;
}

/** Faster than Number(text.slice(…)), and every event has several times. */
const twoDigits = (text: string, at: number): number => 10 * text.charCodeAt(at) + text.charCodeAt(at + 1) - 11 * 48;

function daysIn(year: number, month: number): number {
  if (month === 2) return (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0 ? 29 : 28;
  return [4, 6, 9, 11].includes(month) ? 30 : 31;
}
