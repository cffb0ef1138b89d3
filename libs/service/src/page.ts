import { Problem } from '@yunke/kernel';

/** One page of a list. `next`, when there may be more, goes into `after`. */
export type Page<T> = { readonly items: readonly T[]; readonly next?: string };

/** An opaque cursor for the place behind the last item. */
export const cursorOf = (place: object): string => Buffer.from(JSON.stringify(place)).toString('base64url');

/** @throws cursor.invalid */
export function placeOf<T extends object>(cursor: string): T {
  try {
    const place: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString());
    if (typeof place === 'object' && place !== null && Object.values(place).every((value) => ['string', 'number'].includes(typeof value))) return place as T;
  } catch {
    // said below
  }
  throw new Problem('invalid', 'cursor.invalid', 'This cursor was not given by a list.');
}
