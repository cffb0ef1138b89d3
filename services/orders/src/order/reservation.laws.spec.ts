import fc from 'fast-check';

import { streamOf, type OrderObserved } from '@yunke/contracts';
import { iso, type Millis } from '@yunke/kernel';

import { changes } from './order-change.js';
import { observe, reached, stateOf, unknownOrder, type Order } from './order.js';
import { lapse } from './time.handlers.js';
import { answered } from './saga.js';

const START = Date.parse('2026-01-01T00:00:00.000Z');
const HOLD = 40;

/** What may happen to one order: a shop's word, an answer of inventory to any ask so far, and time that passes. */
const histories = fc.array(fc.oneof(
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('seen' as const), history: fc.boolean(), milestone: fc.constantFrom('placed', 'paid', 'paid', 'shipped', 'delivered', 'cancelled'), quantity: fc.nat({ max: 2 }), line: fc.constantFrom('1', '2') }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('answer' as const), back: fc.nat({ max: 2 }), answer: fc.constantFrom('reserved', 'reserved', 'backordered', 'lost', 'ended') }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('time' as const), ms: fc.nat({ max: 60 }) }) },
), { minLength: 1, maxLength: 14 });

type Step = typeof histories extends fc.Arbitrary<(infer S)[]> ? S : never;

const seen = (at: Millis, index: number, step: Step & { kind: 'seen' }): OrderObserved => ({
  source: 'shop', subject: '', messageId: `m${index}`, occurredAt: iso(at), acceptedAt: iso(at), history: step.history, verified: true, identifiers: [], orderId: 'shop:1',
  lines: [{ lineId: step.line, sku: `sku-${step.line}`, quantity: String(step.quantity), totalMinor: '1' }], [`${step.milestone}At`]: iso(at),
});

type Asked = { readonly ask: number; readonly wants: string; readonly lines: readonly { sku: string; quantity: string }[]; readonly because: string };

/** Plays a history; whether the timer fires at once or only with the next record must not matter. */
function play(steps: readonly Step[], isPunctual: boolean): { order: Order; asks: Asked[]; said: string[]; orders: Order[] } {
  let [order, now] = [unknownOrder('shop:1'), START];
  const [asks, said, orders]: [Asked[], string[], Order[]] = [[], [], []];
  const take = ({ state, facts }: ReturnType<typeof changes>): void => {
    order = state;
    for (const { type, body } of facts) {
      if (type === 'ReservationAsked') asks.push({ ask: Number(body.ask), wants: body.wants, lines: body.lines, because: body.because });
      else if (streamOf(type).name === 'ordersChanges') said.push(type);
    }
  };
  for (const [index, step] of steps.entries()) {
    now += 1;
    if (step.kind === 'time') now += step.ms;
    if (isPunctual || step.kind !== 'time') take(lapse(order, now));
    if (step.kind === 'seen') take(changes(order, observe(order, seen(now, index, step)), { id: `r${index}`, history: step.history, occurredAt: now, acceptedAt: now }));
    const answering = step.kind === 'answer' ? asks.at(-1 - step.back) : undefined;
    if (answering && step.kind === 'answer') {
      const saga = answered(order.saga, { ask: answering.ask, answer: step.answer as 'reserved', effectiveAt: now, acceptedAt: now }, HOLD);
      if (answering !== asks.at(-1)) expect(saga).toBe(order.saga); // an answer that is not to the latest ask says nothing
      if (saga && saga !== order.saga) take(changes(order, { ...order, saga }, { id: `r${index}`, history: false, occurredAt: now, acceptedAt: now, reason: 'event' }));
    }
    orders.push(order);
  }
  take(lapse(order, now));
  return { order, asks, said, orders };
}

/** What the shop's words, read once more, want of stock. */
function expectedWants(steps: readonly Step[]): string {
  const words = steps.filter((step) => step.kind === 'seen');
  const has = (...milestones: string[]): boolean => words.some(({ milestone }) => milestones.includes(milestone));
  if (!words.some(({ history }) => !history) || !has('paid')) return 'nothing';
  const quantities = new Map(words.map(({ line, quantity }) => [line, quantity]));
  return has('shipped', 'delivered') ? 'consume' : has('cancelled') || [...quantities.values()].every((quantity) => quantity === 0) ? 'release' : 'reserve';
}

describe('the laws of the reservation saga, as orders keeps it', () => {
  it('asks 1, 2, 3, …, and its latest ask is what the order wants', () =>
    fc.assert(fc.property(histories, (steps) => {
      const { order, asks } = play(steps, true);
      const wants = expectedWants(steps);

      expect(asks.map(({ ask }) => ask)).toEqual(asks.map((_, index) => index + 1));
      if (asks.length === 0) expect(wants).not.toBe('reserve');
      else if (!order.saga!.lapsed) expect(asks.at(-1)!.wants).toBe(wants);
      else expect(['release', 'consume']).toContain(asks.at(-1)!.wants);
      if (asks.length > 0) expect(asks[0]).toMatchObject({ wants: 'reserve', because: 'paid' });
    }), { numRuns: 5_000 }));

  it('is allocated by the latest answer to the latest ask only, and never both allocated and backordered', () =>
    fc.assert(fc.property(histories, (steps) => {
      for (const { saga } of play(steps, true).orders) {
        if (!saga) continue;
        expect(saga.allocatedAt !== undefined && saga.backordered !== undefined).toBe(false);
        if (saga.wants === 'reserve' && saga.answer === 'reserved') expect([saga.allocatedAt, saga.lapsesAt]).toEqual([expect.any(Number), expect.any(Number)]);
        if (saga.wants === 'reserve' && saga.answer === 'backordered') expect(saga.backordered).toBeDefined();
        expect(saga.answer).not.toBe('lost'); // it has asked anew
        if (saga.wants !== 'reserve') expect(saga.lapsesAt).toBeUndefined();
      }
    }), { numRuns: 5_000 }));

  it('ends the same whether its timer fires on time or with the next record', () =>
    fc.assert(fc.property(histories, (steps) => {
      const [punctual, late] = [play(steps, true), play(steps, false)];
      expect(late.order).toEqual(punctual.order);
      expect(late.asks).toEqual(punctual.asks);
      expect(late.said).toEqual(punctual.said);
    }), { numRuns: 5_000 }));

  it('says what a reader needs to know whether it is set aside: allocated and backordered take turns', () =>
    fc.assert(fc.property(histories, (steps) => {
      const { said, order } = play(steps, true);
      const turns = said.filter((type) => type === 'OrderAllocated' || type === 'OrderBackordered');
      const isAllocated = reached(order).allocated !== undefined;
      if (turns.at(-1) === 'OrderAllocated') expect(isAllocated).toBe(true);
      if (turns.at(-1) === 'OrderBackordered') expect(isAllocated).toBe(false);
      if (turns.length === 0) expect([isAllocated, stateOf(order).backorderedAt]).toEqual([false, undefined]);
    }), { numRuns: 5_000 }));
});
