import { Problem } from '@yunke/kernel';

/** One page of a list. `next`, when there may be more, goes into `after`. */
export type Page<T> = { readonly items: readonly T[]; readonly next?: string };

/** An opaque cursor for the place behind the last item. */
export const cursorOf = (place: object): string => Buffer.from(JSON.stringify(place)).toString('base64url');

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const INSTANT = /^(?!0000)\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

/** What a field of a place holds. A cursor is the client's word: what does not fit would end as an error of the database. */
const FITS = {
  text: (value: unknown): boolean => typeof value === 'string' && !value.includes('\0'),
  whole: (value: unknown): boolean => Number.isSafeInteger(value),
  /** What an `int` column holds. */
  int: (value: unknown): boolean => Number.isInteger(value) && Math.abs(value as number) < 2 ** 31,
  /** A whole number that came as text, as `bigint` columns do. */
  digits: (value: unknown): boolean => typeof value === 'string' && /^\d{1,18}$/.test(value),
  uuid: (value: unknown): boolean => typeof value === 'string' && UUID.test(value),
  /** `-infinity`: before all others. */
  instant: (value: unknown): boolean => value === '-infinity' || (typeof value === 'string' && INSTANT.test(value) && isDay(value)),
};

/** The 30th of February is none. */
const isDay = (instant: string): boolean => Number.isFinite(Date.parse(instant)) && new Date(instant).toISOString() === instant;

/** The fields of a list's places and what each holds. */
export type Shape = Readonly<Record<string, keyof typeof FITS>>;
export type PlaceIn<S extends Shape> = { readonly [F in keyof S]: S[F] extends 'whole' | 'int' ? number : string };

/**
 * The place that a cursor names. `madeFor`: what else the cursor must say, such as the sort of its list: it means nothing in another.
 * @throws cursor.invalid
 */
export function placeOf<S extends Shape>(cursor: string, shape: S, madeFor: Readonly<Record<string, string>> = {}): PlaceIn<S> {
  const place = parsed(cursor);
  const fits = place && Object.entries(shape).every(([field, kind]) => FITS[kind](place[field])) && Object.entries(madeFor).every(([field, value]) => place[field] === value);
  if (!fits) throw new Problem('invalid', 'cursor.invalid', 'This cursor was not given by this list.');
  return place as PlaceIn<S>;
}

function parsed(cursor: string): Record<string, unknown> | undefined {
  try {
    const place: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString());
    return typeof place === 'object' && place !== null ? place as Record<string, unknown> : undefined;
  } catch {
    return undefined;
  }
}
