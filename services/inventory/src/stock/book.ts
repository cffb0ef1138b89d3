import type { StockObserved } from '@yunke/contracts';
import { LARGEST_MINOR, Problem, compareText, compareVersions, type Millis, type Version } from '@yunke/kernel';

/** A place in the sequence of one book: the source's own version or the event time, `acceptedAt`, the message id. */
export type Place = Version;

/** One count, movement or announcement, as its source told it. */
export type Entry = {
  readonly movementId: string;
  readonly source: string;
  readonly kind: StockObserved['kind'];
  /** Units: the level for a count, all that is on its way for `expected`, else the signed change. */
  readonly quantity: number;
  readonly occurredAt: Millis;
  readonly place: Place;
  readonly note?: string;
  readonly expectedAt?: Millis;
};

/** An entry of the ledger: `delta` is what it did to the level, so that the sum of a book's deltas is its level. */
export type Booked = Entry & { readonly delta: number };

/** The entries of one SKU in one warehouse, folded. */
export type Book = {
  readonly onHand: number;
  /** The one source that tells of it; `SEVERAL` when more do. */
  readonly source?: string;
  readonly last?: Place;
  readonly lastCount?: Place;
  /** The latest announcement of goods on their way, and what was received since. */
  readonly expected?: { readonly place: Place; readonly quantity: number; readonly received: number; readonly at?: Millis };
  /** When the first entry happened. */
  readonly firstAt?: Millis;
};

export const SEVERAL = '*';
export const EMPTY_BOOK: Book = { onHand: 0 };

/** Units on their way: the latest announcement less what was received since; never negative. */
export const incomingOf = ({ expected }: Book): number => (expected ? Math.max(0, expected.quantity - expected.received) : 0);

/** What of the ledger must be at hand before entries can be entered: nothing, all of it, or what follows a place and the count before that. */
export type Needed = 'nothing' | 'all' | { readonly from: Place };

/** Usually nothing: a movement after the last count and a count after everything only add to the book. `known`: entries of the same ids. */
export function needed(book: Book, entries: readonly Entry[], known: ReadonlyMap<string, Entry>): Needed {
  let { last, lastCount } = book;
  let from: Place | undefined;
  const told = new Map(known);
  for (const entry of entries) {
    if (entry.source !== (book.source ?? entries[0]!.source) && book.source !== SEVERAL) return 'all';
    const held = told.get(entry.movementId);
    if (held && !toldBefore(entry, held)) continue;
    if (held) return 'all';
    told.set(entry.movementId, entry);
    const place = placeIn(book, entry);
    const fence = entry.kind === 'count' || entry.kind === 'expected' ? last : lastCount;
    if (fence && compareVersions(place, fence) < 0) from = smaller(from, place);
    last = larger(last, place);
    if (entry.kind === 'count') lastCount = larger(lastCount, place);
  }
  return from ? { from } : 'nothing';
}

/** Of two entries with one movement id the one that was accepted first counts: a movement is told once, and never changes. */
const toldBefore = (a: Entry, b: Entry): boolean => (a.place[1] - b.place[1] || compareText(a.place[2], b.place[2])) < 0;

const byTime = (entry: Entry): Place => [entry.occurredAt, entry.place[1], entry.place[2]];
const placeIn = ({ source }: Book, entry: Entry): Place => (source === SEVERAL ? byTime(entry) : entry.place);
const larger = (a: Place | undefined, b: Place): Place => (a && compareVersions(a, b) > 0 ? a : b);
const smaller = (a: Place | undefined, b: Place): Place => (a && compareVersions(a, b) < 0 ? a : b);

/** The end of a ledger, in order, or all of it. */
export type Tail = { readonly rows: readonly Booked[]; readonly isWhole: boolean };

type Running = { entry: Entry; delta: number; after: number };

/** A book that is being written: entered in any order, it ends the same. */
export class OpenBook {
  #book: Book;
  readonly #changed = new Map<string, Booked>();
  readonly #known: Map<string, Entry>;
  readonly #tail: Running[] | undefined;

  /**
   * `known`: the ledger's entries with the movement ids to come. `tail`: what `needed` asked for, in order; unless it is the whole
   * ledger it begins with a count.
   */
  constructor(book: Book, known: ReadonlyMap<string, Entry>, private readonly tail?: Tail) {
    this.#book = book;
    this.#known = new Map(known);
    let level = 0;
    this.#tail = tail?.rows.map((entry) => ({ entry, delta: entry.delta, after: (level = entry.kind === 'count' ? entry.quantity : level + entry.delta) }));
  }

  get book(): Book {
    return this.#book;
  }

  /** The rows of the ledger that are new or have another delta or place. */
  changed(): Booked[] {
    return [...this.#changed.values()];
  }

  /** @throws stock.out_of_range when the level could not be held exactly */
  enter(told: Entry): void {
    const held = this.#known.get(told.movementId);
    if (held && !toldBefore(told, held)) return;
    const { source, firstAt } = this.#book;
    if (source !== undefined && source !== SEVERAL && source !== told.source) this.#goByTime();
    const entry = { ...told, place: placeIn(this.#book, told) };
    this.#book = { ...this.#book, source: source === undefined ? told.source : this.#book.source!, firstAt: Math.min(firstAt ?? Infinity, told.occurredAt) };
    if (!this.#tail) this.#append(entry);
    else this.#insert(this.#tail, entry, held);
    this.#known.set(entry.movementId, entry);
  }

  #append(entry: Entry): void {
    const { onHand, last, lastCount, expected } = this.#book;
    const delta = deltaOf(entry, onHand);
    this.#changed.set(entry.movementId, { ...entry, delta });
    this.#book = {
      ...this.#book, onHand: checked(onHand + delta), last: larger(last, entry.place),
      ...(lastCount && { lastCount }), ...(entry.kind === 'count' && { lastCount: entry.place }),
      ...(expected && { expected }), ...(expected && isReceiptAfter(expected.place, entry) && { expected: { ...expected, received: checked(expected.received + entry.quantity) } }),
      ...(entry.kind === 'expected' && { expected: announcement(entry, 0) }),
    };
  }

  #insert(tail: Running[], entry: Entry, held: Entry | undefined): void {
    if (held) {
      const at = tail.findIndex((one) => one.entry.movementId === held.movementId);
      tail.splice(at, 1);
      this.#settle(tail, at, false);
      this.#book = { ...this.#book, firstAt: Math.min(entry.occurredAt, ...tail.map((one) => one.entry.occurredAt)) };
    }
    const at = tail.findLastIndex((one) => compareVersions(one.entry.place, entry.place) <= 0) + 1;
    tail.splice(at, 0, { entry, delta: Number.NaN, after: 0 });
    this.#settle(tail, at, true);
    this.#summarise(tail, entry);
  }

  /** Books anew from an index up to the next count, behind which nothing changes. */
  #settle(tail: Running[], from: number, isNew: boolean): void {
    let level = from === 0 ? 0 : tail[from - 1]!.after;
    for (let index = from; index < tail.length; index += 1) {
      const running = tail[index]!;
      const delta = deltaOf(running.entry, level);
      level = checked(level + delta);
      if (delta !== running.delta) this.#changed.set(running.entry.movementId, { ...running.entry, delta });
      tail[index] = { entry: running.entry, delta, after: level };
      if (running.entry.kind === 'count' && !(isNew && index === from)) return;
    }
  }

  #summarise(tail: readonly Running[], entered: Entry): void {
    const lastCount = tail.findLast(({ entry }) => entry.kind === 'count')?.entry.place;
    const announced = tail.findLastIndex(({ entry }) => entry.kind === 'expected');
    const before = this.tail!.isWhole ? undefined : this.#book.expected;
    const expected = announced >= 0
      ? announcement(tail[announced]!.entry, tail.slice(announced + 1).reduce((sum, { entry }) => sum + (entry.kind === 'receipt' ? entry.quantity : 0), 0))
      : before && isReceiptAfter(before.place, entered) ? { ...before, received: checked(before.received + entered.quantity) } : before;
    const { source, firstAt } = this.#book;
    this.#book = { onHand: tail.at(-1)!.after, ...(source !== undefined && { source }), ...(firstAt !== undefined && { firstAt }), last: tail.at(-1)!.entry.place, ...(lastCount && { lastCount }), ...(expected && { expected }) };
  }

  /** A second source tells of it: their own sequences cannot be compared, their corrected times can. The tail is the whole book. */
  #goByTime(): void {
    const tail = this.#tail!;
    for (const running of tail) running.entry = { ...running.entry, place: byTime(running.entry) };
    tail.sort((a, b) => compareVersions(a.entry.place, b.entry.place));
    for (const running of tail) this.#known.set(running.entry.movementId, running.entry);
    let level = 0;
    for (const running of tail) {
      running.delta = deltaOf(running.entry, level);
      running.after = level = checked(level + running.delta);
      this.#changed.set(running.entry.movementId, { ...running.entry, delta: running.delta });
    }
    this.#book = { ...this.#book, source: SEVERAL };
  }
}

const deltaOf = ({ kind, quantity }: Entry, level: number): number => (kind === 'count' ? quantity - level : kind === 'expected' ? 0 : quantity);

const isReceiptAfter = (place: Place, entry: Entry): boolean => entry.kind === 'receipt' && compareVersions(entry.place, place) > 0;

const announcement = ({ place, quantity, expectedAt }: Entry, received: number): NonNullable<Book['expected']> => ({ place, quantity, received, ...(expectedAt !== undefined && { at: expectedAt }) });

function checked(units: number): number {
  if (!Number.isSafeInteger(units) || Math.abs(units) > LARGEST_MINOR) throw new Problem('invalid', 'stock.out_of_range', 'A level is a whole number of units within ±9e15.');
  return units === 0 ? 0 : units;
}
