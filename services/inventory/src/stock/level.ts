import type { Fact, StockLevelChanged } from '@yunke/contracts';
import { iso, type Millis } from '@yunke/kernel';

import { EMPTY_BOOK, incomingOf, type Book } from './book.js';

/** One SKU in one warehouse. */
export type Level = {
  readonly sku: string;
  readonly warehouse: string;
  readonly book: Book;
  /** Units set aside for orders, and those of them that are known to be lost: their orders have not ended them yet. */
  readonly reserved: number;
  readonly lost: number;
  /** Since when more units are set aside than there are, lost ones not counted; undefined while there are enough. */
  readonly oversoldSince?: Millis;
  /** Something that is not history touched it: only then may time alone alarm somebody. */
  readonly isLive: boolean;
};

export const unknownLevel = (sku: string, warehouse: string): Level => ({ sku, warehouse, book: EMPTY_BOOK, reserved: 0, lost: 0, isLive: false });

/** On hand less reserved (domain: available to promise). */
export const availableOf = ({ book, reserved }: Level): number => book.onHand - reserved;

/** What led to a change: `cause` is the id of a record, a timer or a request. */
export type Because = { readonly cause: string; readonly acceptedAt: Millis; readonly effectiveAt: Millis; readonly reason: StockLevelChanged['reason']; readonly traceparent?: string };

/** A fact and the id that its own id follows from. */
export type CausedFact = Fact & { readonly cause: string; readonly traceparent?: string };

/** Whether two levels look the same to a reader. */
export const looksSame = (a: Level, b: Level): boolean => a.book.onHand === b.book.onHand && a.reserved === b.reserved && incomingOf(a.book) === incomingOf(b.book);

export function levelChanged(level: Level, seq: number, because: Because): Fact {
  const { sku, warehouse, book, reserved } = level;
  const { effectiveAt, acceptedAt, reason, cause } = because;
  return { type: 'StockLevelChanged', body: { sku, warehouse, seq: String(seq), effectiveAt: iso(effectiveAt), acceptedAt: iso(acceptedAt), reason, cause,
    onHand: String(book.onHand), reserved: String(reserved), available: String(availableOf(level)), incoming: String(incomingOf(book)) } };
}
