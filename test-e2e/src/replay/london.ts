const HOUR_MS = 3_600_000;

const wallClock = new Intl.DateTimeFormat('en-GB', { timeZone: 'Europe/London', hourCycle: 'h23', hour: '2-digit' });
const LOCAL = /^\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}$/;

/**
 * The instant of a local time in London, `2011-07-01 09:30:00` → `2011-07-01T08:30:00.000Z`, by the time zone tables of the
 * runtime. Of the hour that comes twice in autumn it means the second one, in winter time, and the hour that spring leaves out
 * is read as winter time: PostgreSQL's `at time zone` does the same. Years with other than one hour of summer time are not meant.
 * @throws RangeError when the text is no such time
 */
export function londonToUtc(local: string): string {
  const asWinter = LOCAL.test(local) ? Date.parse(`${local.replace(' ', 'T')}Z`) : Number.NaN;
  if (Number.isNaN(asWinter)) throw new RangeError(`"${local}" is not a local time such as 2011-07-01 09:30:00`);
  const isSummer = isSummerTime(asWinter - HOUR_MS) && isSummerTime(asWinter);
  return new Date(isSummer ? asWinter - HOUR_MS : asWinter).toISOString();
}

const isSummerTime = (at: number): boolean => Number(wallClock.format(at)) !== new Date(at).getUTCHours();
