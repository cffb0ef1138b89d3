import fc from 'fast-check';

import { WINDOW_DAYS, planOf, shareOf, type Past, type StockDay } from './plan.js';

const TODAY = 20_000;

/** Movements of some days, with what was ordered on each; days are counted back from today. */
const pasts = fc.record({
  moves: fc.array(fc.record({ ago: fc.integer({ min: 0, max: 40 }), delta: fc.integer({ min: -6, max: 8 }) }), { maxLength: 20 }),
  units: fc.array(fc.record({ ago: fc.integer({ min: 1, max: 40 }), units: fc.integer({ min: 1, max: 9 }) }), { maxLength: 20 }),
}).map(({ moves, units }) => ({ moves: [...moves].sort((a, b) => b.ago - a.ago), units }));

function pastOf({ moves, units }: { moves: { ago: number; delta: number }[]; units: { ago: number; units: number }[] }): Past {
  const days = new Map<number, StockDay>();
  for (const { ago, delta } of moves) {
    const day = TODAY - ago;
    const held = days.get(day);
    const change = (held?.change ?? 0) + delta;
    days.set(day, { day, change, lowest: held ? Math.min(held.lowest, change) : change });
  }
  const byDay = new Map<number, number>();
  for (const { ago, units: ordered } of units) byDay.set(TODAY - ago, (byDay.get(TODAY - ago) ?? 0) + ordered);
  return {
    today: TODAY, units: byDay, stock: [...days.values()].filter(({ day }) => day >= TODAY - WINDOW_DAYS), stockToday: moves.filter(({ ago }) => ago > 0).reduce((sum, { delta }) => sum + delta, 0), outflow: new Map(),
    ...(units.length > 0 && { firstOrderDay: TODAY - Math.max(...units.map(({ ago }) => ago)) }), ...(moves.length > 0 && { firstStockDay: TODAY - Math.max(...moves.map(({ ago }) => ago)) }),
  };
}

describe('the laws of a plan', () => {
  it('its mean is that of the days on which there was always something to sell, replayed movement by movement', () =>
    fc.assert(fc.property(pasts, (history) => {
      const past = pastOf(history);
      const start = Math.max(TODAY - 28, Math.min(past.firstOrderDay ?? TODAY, past.firstStockDay ?? TODAY));
      const daily: number[] = [];
      let level = 0;
      for (let day = TODAY - 60; day < TODAY; day += 1) {
        const isKnown = past.firstStockDay !== undefined && day >= past.firstStockDay;
        let isOut = isKnown && day !== past.firstStockDay && level <= 0;
        for (const { delta } of history.moves.filter(({ ago }) => TODAY - ago === day)) {
          level += delta;
          isOut ||= day !== past.firstStockDay && level <= 0;
        }
        if (isKnown && day === past.firstStockDay) isOut = level <= 0; // before its first movement nobody knows
        if (day >= start && !isOut) daily.push(history.units.filter(({ ago }) => TODAY - ago === day).reduce((sum, { units }) => sum + units, 0));
      }
      const plan = planOf(past);

      expect(plan.days).toBe(daily.length);
      expect(plan.units).toBe(daily.reduce((sum, units) => sum + units, 0));
      expect(plan.meanDaily).toBeCloseTo(daily.length === 0 ? 0 : plan.units / daily.length, 9);
      expect(plan.daily).toEqual(plan.units > 0 && daily.filter((units) => units === 0).length > daily.length / 2 ? daily : undefined);
      expect(plan.days + plan.stockOutDays).toBe(TODAY - start);
    }), { numRuns: 5_000 }));

  it('shares demand among warehouses by what left them, equally where nothing did, and never more than all of it', () => {
    const plan = planOf({ ...pastOf({ moves: [], units: [] }), outflow: new Map([['main', 9], ['east', 3]]) });
    expect([shareOf(plan, 'main', 3), shareOf(plan, 'east', 3), shareOf(plan, 'west', 3), shareOf(plan, 'constructor', 3)]).toEqual([0.75, 0.25, 0, 0]);
    expect(shareOf(planOf(pastOf({ moves: [], units: [] })), 'main', 2)).toBe(0.5);
  });
});
