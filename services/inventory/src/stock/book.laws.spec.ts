import fc from 'fast-check';

import { compareVersions } from '@yunke/kernel';

import { EMPTY_BOOK, OpenBook, incomingOf, needed, type Book, type Booked, type Entry } from './book.js';

const KINDS = ['count', 'receipt', 'sale', 'return', 'adjustment', 'transfer', 'expected'] as const;

/** What sources told of one SKU in one warehouse: few values, so that entries repeat, tie and come late. */
const histories = fc.record({
  versioned: fc.boolean(), sources: fc.constantFrom(['erp'], ['erp'], ['erp', 'till']),
  told: fc.array(fc.record({ id: fc.nat({ max: 8 }), source: fc.nat({ max: 1 }), kind: fc.constantFrom(...KINDS), quantity: fc.integer({ min: -9, max: 9 }), occurred: fc.nat({ max: 9 }), version: fc.nat({ max: 9 }) }), { minLength: 1, maxLength: 12 }),
}).map(({ versioned, sources, told }): Entry[] => told.map(({ id, source, kind, quantity, occurred, version }, accepted) => {
  const name = sources[source % sources.length]!;
  return { movementId: `${name}:${id}`, source: name, kind, quantity, occurredAt: occurred, place: [versioned ? version : occurred, 100 + accepted, `m${accepted}`] };
}));

const orders = fc.record({ random: fc.infiniteStream(fc.nat()), cuts: fc.infiniteStream(fc.integer({ min: 1, max: 4 })) });

/** A ledger as the store keeps it: gives what `needed` asks for, no more. */
class Ledger {
  readonly rows = new Map<string, Booked>();
  book: Book = EMPTY_BOOK;

  hear(entries: readonly Entry[]): void {
    const known = new Map(entries.flatMap(({ movementId }) => (this.rows.has(movementId) ? [[movementId, this.rows.get(movementId)!] as const] : [])));
    const need = needed(this.book, entries, known);
    const sorted = [...this.rows.values()].sort((a, b) => compareVersions(a.place, b.place));
    const anchor = need === 'nothing' || need === 'all' ? -1 : sorted.findLastIndex(({ kind, place }) => kind === 'count' && compareVersions(place, need.from) < 0);
    const open = new OpenBook(this.book, known, need === 'nothing' ? undefined : { rows: sorted.slice(Math.max(0, anchor)), isWhole: anchor < 0 });
    for (const entry of entries) open.enter(entry);
    for (const row of open.changed()) this.rows.set(row.movementId, row);
    this.book = open.book;
  }
}

/** The level and what is on its way, by definition: the first told of each movement, in sequence; a count says the level. */
function expected(told: readonly Entry[]): { onHand: number; incoming: number; movements: number } {
  const first = told.filter((one, index) => told.findIndex(({ movementId }) => movementId === one.movementId) === index); // told in the order of acceptance
  const several = new Set(first.map(({ source }) => source)).size > 1;
  const rank = (entry: Entry): number => (several ? entry.occurredAt : entry.place[0]);
  const inOrder = [...first].sort((a, b) => rank(a) - rank(b) || a.place[1] - b.place[1]);
  let [onHand, announced, received] = [0, 0, 0];
  for (const { kind, quantity } of inOrder) {
    if (kind === 'expected') [announced, received] = [quantity, 0];
    else onHand = kind === 'count' ? quantity : onHand + quantity;
    if (kind === 'receipt') received += quantity;
  }
  return { onHand, incoming: inOrder.some(({ kind }) => kind === 'expected') ? Math.max(0, announced - received) : 0, movements: first.length };
}

function hear(entries: readonly Entry[], cuts: Iterator<number>): Ledger {
  const ledger = new Ledger();
  for (let from = 0; from < entries.length; ) {
    const to = from + (cuts.next().value as number);
    ledger.hear(entries.slice(from, to));
    from = to;
  }
  return ledger;
}

describe('the laws of a book', () => {
  it('in whatever order and chunks it is told, late and again, the level is what the sequence says, and the ledger sums to it', () =>
    fc.assert(fc.property(histories, orders, (told, { random, cuts }) => {
      const shuffled = [...told, ...told.slice(0, 3)].map((entry) => ({ entry, place: random.next().value as number })).sort((a, b) => a.place - b.place).map(({ entry }) => entry);
      const ledger = hear(shuffled, cuts);
      const truth = expected(told);
      const rows = [...ledger.rows.values()];

      expect(ledger.book.onHand).toBe(truth.onHand);
      expect(incomingOf(ledger.book)).toBe(truth.incoming);
      expect(rows).toHaveLength(truth.movements);
      expect(rows.reduce((sum, { delta }) => sum + delta, 0)).toBe(ledger.book.onHand);
      const straight = hear(told, [told.length].values() as Iterator<number>);
      expect(ledger.book).toEqual(straight.book);
      expect(new Map([...ledger.rows].sort())).toEqual(new Map([...straight.rows].sort()));
    }), { numRuns: 10_000 }));

  it('loads nothing of the ledger while everything comes in sequence', () => {
    const book: Book = { onHand: 5, source: 'erp', last: [9, 1, 'm'], lastCount: [9, 1, 'm'] };
    const entry = (kind: Entry['kind'], rank: number): Entry => ({ movementId: `${kind}${rank}`, source: 'erp', kind, quantity: 1, occurredAt: rank, place: [rank, 2, 'n'] });

    expect(needed(book, [entry('receipt', 10), entry('count', 11), entry('sale', 12)], new Map())).toBe('nothing');
    expect(needed(book, [entry('receipt', 8)], new Map())).toEqual({ from: [8, 2, 'n'] });
  });

  it('refuses a level that a number cannot hold exactly', () => {
    const open = new OpenBook({ onHand: 9e15 }, new Map());
    expect(() => open.enter({ movementId: '1', source: 'erp', kind: 'receipt', quantity: 1, occurredAt: 0, place: [0, 0, ''] })).toThrow(expect.objectContaining({ code: 'stock.out_of_range' }));
  });
});
