import fc from 'fast-check';

import { EMPTY_BOOK } from '../stock/book.js';
import { availableOf, type Because } from '../stock/level.js';
import { StockChunk } from '../stock/stock-chunk.js';
import { allocate, answer, lose, reserve, type Ask, type Reservation } from './reservation.js';

const SKUS = ['tea', 'pot'] as const;
const WAREHOUSES = ['east', 'main'] as const;

const units = fc.record({ tea: fc.nat({ max: 4 }), pot: fc.nat({ max: 2 }) });
const steps = fc.array(fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('ask' as const), order: fc.nat({ max: 5 }), wants: fc.constantFrom('reserve' as const, 'reserve' as const, 'release' as const, 'consume' as const), repeat: fc.boolean(), units }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('count' as const), sku: fc.constantFrom(...SKUS), warehouse: fc.constantFrom(...WAREHOUSES), onHand: fc.integer({ min: -1, max: 9 }) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('lose' as const), sku: fc.constantFrom(...SKUS), warehouse: fc.constantFrom(...WAREHOUSES) }) },
), { minLength: 1, maxLength: 25 });

const because = (at: number): Because => ({ cause: `r${at}`, acceptedAt: at, effectiveAt: at, reason: 'event' });
const linesOf = (wanted: { tea: number; pot: number }): { sku: string; quantity: number }[] => SKUS.flatMap((sku) => (wanted[sku] > 0 ? [{ sku, quantity: wanted[sku] }] : []));

describe('the laws of reservations', () => {
  it('promise nothing that is not available, hold at most one reservation an order, and let nobody wait while there is enough', () =>
    fc.assert(fc.property(steps, (history) => {
      const stock = new StockChunk(new Map(SKUS.map((sku) => [sku, { sku, seq: 0 }])), []);
      const held = new Map<string, Reservation>();
      const asks = new Map<string, number>();
      for (const [at, step] of history.entries()) {
        const before = stock.skuNames().flatMap((sku) => stock.levelsOf(sku));
        if (step.kind === 'count') {
          const level = stock.level(step.sku, step.warehouse);
          stock.put({ ...level, book: { ...EMPTY_BOOK, onHand: step.onHand } }, because(at));
        } else if (step.kind === 'ask') {
          const orderId = `o${step.order}`;
          const number = (asks.get(orderId) ?? 0) + (step.repeat ? 0 : 1);
          asks.set(orderId, number);
          const lines = step.wants === 'reserve' ? linesOf(step.units) : [];
          if (step.wants === 'reserve' && lines.length === 0) continue;
          const ask: Ask = { orderId, ask: number, wants: step.wants, because: 'test', lines };
          const was = held.get(orderId);
          const after = answer(stock, was, ask, because(at));
          if (was && number <= was.ask) expect(after).toBe(was);
          if (after) held.set(orderId, after);
        } else {
          const reserved = [...held.values()].findLast(({ state, held: lines }) => state === 'reserved' && lines.some(({ sku, warehouse }) => sku === step.sku && warehouse === step.warehouse));
          if (reserved) held.set(reserved.orderId, lose(stock, reserved, because(at)));
        }
        for (const waiting of [...held.values()].filter(({ state }) => state === 'backordered').sort((a, b) => a.since - b.since)) {
          if (allocate(waiting.lines, (sku) => stock.availability(sku))) held.set(waiting.orderId, reserve(stock, waiting, because(at)));
        }

        const promised = [...held.values()].flatMap((one) => one.held.map((line) => ({ ...line, lost: one.state === 'lost' })));
        for (const sku of SKUS) {
          for (const level of stock.levelsOf(sku)) {
            const here = promised.filter((line) => line.sku === sku && line.warehouse === level.warehouse);
            expect(level.reserved).toBe(here.reduce((sum, { quantity }) => sum + quantity, 0));
            expect(level.lost).toBe(here.filter(({ lost }) => lost).reduce((sum, { quantity }) => sum + quantity, 0));
            const was = before.find((one) => one.sku === sku && one.warehouse === level.warehouse);
            if (level.reserved > (was?.reserved ?? 0)) expect(availableOf(level)).toBeGreaterThanOrEqual(0); // a promise never makes it negative
          }
        }
        for (const { state, lines, held: taken } of held.values()) {
          const wanted = new Map(lines.map(({ sku, quantity }) => [sku, quantity]));
          if (state === 'reserved') for (const [sku, quantity] of wanted) expect(taken.filter((one) => one.sku === sku).reduce((sum, one) => sum + one.quantity, 0)).toBe(quantity);
          if (!['reserved', 'lost'].includes(state)) expect(taken).toEqual([]);
          if (state === 'backordered') expect([...wanted].some(([sku, quantity]) => stock.available(sku) < quantity)).toBe(true);
        }
      }
      const seqs = stock.facts.filter(({ type }) => type === 'StockLevelChanged').map(({ body }) => body as { sku: string; seq: string });
      for (const sku of SKUS) expect(seqs.filter((one) => one.sku === sku).map(({ seq }) => seq)).toEqual(seqs.filter((one) => one.sku === sku).map((_, index) => String(index + 1)));
    }), { numRuns: 10_000 }));

  it('take everything from one warehouse where that is possible, and else from where there is most', () => {
    const available = (sku: string) => (sku === 'tea' ? [{ warehouse: 'east', available: 2 }, { warehouse: 'main', available: 9 }] : [{ warehouse: 'main', available: 1 }]);

    expect(allocate([{ sku: 'tea', quantity: 3 }, { sku: 'pot', quantity: 1 }], available)).toEqual([{ sku: 'tea', quantity: 3, warehouse: 'main' }, { sku: 'pot', quantity: 1, warehouse: 'main' }]);
    expect(allocate([{ sku: 'tea', quantity: 10 }], available)).toEqual([{ sku: 'tea', quantity: 9, warehouse: 'main' }, { sku: 'tea', quantity: 1, warehouse: 'east' }]);
    expect(allocate([{ sku: 'tea', quantity: 1 }, { sku: 'pot', quantity: 2 }], available)).toBeUndefined();
  });
});
