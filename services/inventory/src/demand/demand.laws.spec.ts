import fc from 'fast-check';

import type { OrderLinesRecorded } from '@yunke/contracts';
import { iso } from '@yunke/kernel';

import { countedOf, demandChanges, shippedMovements, type Counted, type Movement, type Shipped } from './demand.js';

const START = Date.parse('2026-01-01T00:00:00.000Z');
/** Also what every object has: a shop may call its goods so. */
const SKUS = ['tea', 'pot', 'constructor', 'toString', '__proto__'];

/** An order's lines as they were recorded, one after the other; each may contradict the last. */
const records = fc.array(fc.record({ units: fc.array(fc.tuple(fc.constantFrom(...SKUS), fc.integer({ min: 1, max: 9 })), { maxLength: 4 }), isCancelled: fc.boolean() }), { minLength: 1, maxLength: 6 })
  .map((all) => all.map(({ units, isCancelled }, index): OrderLinesRecorded => ({
    orderId: 'till:1', seq: String(index + 1), effectiveAt: iso(START), acceptedAt: iso(START + index), reason: 'event', cause: 'a record', placedAt: iso(START), shippedAt: iso(START), ...(isCancelled && { cancelledAt: iso(START) }),
    lines: [...new Map(units)].map(([sku, quantity]) => ({ sku, quantity: String(quantity) })),
  })));

const sumBySku = (all: readonly (readonly [sku: string, units: number])[]): Map<string, number> => {
  const sums = new Map<string, number>();
  for (const [sku, units] of all) sums.set(sku, (sums.get(sku) ?? 0) + units);
  return new Map([...sums].filter(([, units]) => units !== 0).sort());
};
const wantedOf = ({ lines }: OrderLinesRecorded): Map<string, number> => sumBySku(lines.map(({ sku, quantity }) => [sku, Number(quantity)] as const));
/** As the database gives it back. */
const stored = <T>(value: T): T => JSON.parse(JSON.stringify(value)) as T;

describe('the laws of what orders mean for stock', () => {
  it('what was booked sums to what left the shop, as the last record says, whatever the goods are called', () =>
    fc.assert(fc.property(records, (all) => {
      let booked: Shipped = {};
      const moved = all.flatMap((recorded): readonly Movement[] => {
        const { movements, shipped } = shippedMovements(recorded, booked, { warehouse: 'main', held: [{ sku: 'tea', warehouse: 'east', quantity: 2 }] });
        booked = stored(shipped);
        return movements;
      });
      expect(sumBySku(moved.map(({ sku, entry }) => [sku, -entry.quantity] as const))).toEqual(wantedOf(all.at(-1)!));
    })));

  it('demand is that of the last record, and none once the order was cancelled', () =>
    fc.assert(fc.property(records, (all) => {
      let was: Counted = { units: {} };
      const changes = all.flatMap((recorded) => {
        const is = stored(countedOf(recorded));
        const changed = demandChanges([{ was, is }]);
        was = is;
        return changed;
      });
      const last = all.at(-1)!;
      expect(sumBySku(changes.map(({ sku, units }) => [sku, units] as const))).toEqual(last.cancelledAt === undefined ? wantedOf(last) : new Map());
    })));
});
