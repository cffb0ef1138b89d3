import fc from 'fast-check';

import type { OrderObserved } from '@yunke/contracts';
import { iso, type Millis } from '@yunke/kernel';

import { changes } from './order-change.js';
import { observe, unknownOrder, type Order } from './order.js';
import { elapse } from './time.handlers.js';

const START = Date.parse('2026-01-01T00:00:00.000Z');
const LIMITS = new Map([['paid', 7], ['other/paid', 1], ['shop/shipped', 5], ['shipped', 100]]);
const END = 60;

type Word = { readonly at: number; readonly milestone: 'placed' | 'paid' | 'shipped' | 'delivered' | 'cancelled'; readonly promise?: number; readonly history: boolean };

/** What a shop says of one order, each word at its own tick, in the order of time. */
const words: fc.Arbitrary<Word[]> = fc.uniqueArray(fc.record({
  at: fc.nat({ max: END - 1 }), milestone: fc.constantFrom('placed', 'paid', 'paid', 'shipped', 'delivered', 'cancelled'), promise: fc.option(fc.nat({ max: END + 10 }), { nil: undefined, freq: 3 }), history: fc.boolean(),
}, { requiredKeys: ['at', 'milestone', 'history'] }), { selector: ({ at }) => at, maxLength: 7 }).map((all) => all.sort((a, b) => a.at - b.at)) as fc.Arbitrary<Word[]>;

const seen = ({ at, milestone, promise, history }: Word): OrderObserved => ({
  source: 'shop', subject: '', messageId: `m${at}`, occurredAt: iso(START + at), acceptedAt: iso(START + at), history, verified: true, identifiers: [], orderId: 'shop:1', lines: [],
  [`${milestone}At`]: iso(START + at), ...(promise !== undefined && { promisedAt: iso(START + promise) }),
});

/** What is said of deadlines when time is looked at after each of these steps, and at the end. */
function said(all: readonly Word[], ticks: (at: number) => boolean): string[] {
  let order: Order = unknownOrder('shop:1');
  const told: string[] = [];
  const pass = (until: Millis): void => {
    const { state, facts } = elapse(order, until, LIMITS);
    order = state;
    for (const { type, body } of facts) told.push(`${type} ${Date.parse((body as unknown as { effectiveAt: string }).effectiveAt) - START} ${(body as { reason: string }).reason}`);
  };
  for (let at = 0; at <= END; at++) {
    const word = all.find((one) => one.at === at);
    if (ticks(at) || word) pass(START + at);
    if (word) order = changes(order, observe(order, seen(word)), { id: `r${at}`, history: word.history, occurredAt: START + at, acceptedAt: START + at }).state;
  }
  pass(START + END);
  return told;
}

/** The same by walking through every tick with what was said until then: the last word on each thing counts. */
function expected(all: readonly Word[]): string[] {
  const [told, late, stalled] = [[] as string[], new Set<number>(), new Set<number>()];
  for (let at = 0; at <= END; at++) {
    const before = all.filter((word) => word.at < at);
    const last = (milestone: string): number | undefined => before.findLast((word) => word.milestone === milestone)?.at;
    if (!before.some(({ history }) => !history) || last('delivered') !== undefined || last('cancelled') !== undefined) continue;
    const promise = before.findLast((word) => word.promise !== undefined)?.promise;
    const [stage, limit] = last('shipped') !== undefined ? [last('shipped')!, 5] : last('paid') !== undefined ? [last('paid')!, 7] : [undefined, 0];
    const missed = [
      ...(promise !== undefined && promise <= at && [...late].at(-1) !== promise ? [{ what: 'OrderLate', due: promise }] : []),
      ...(stage !== undefined && stage + limit <= at && [...stalled].at(-1) !== stage ? [{ what: 'OrderStalled', due: stage + limit }] : []),
    ].sort((a, b) => a.due - b.due);
    for (const { what, due } of missed) {
      told.push(`${what} ${due} time`);
      if (what === 'OrderLate') { late.delete(due); late.add(due); } else stalled.add(stage!);
    }
  }
  return told;
}

describe('the deadlines of an order', () => {
  it('are said to be missed once each, at their instant, and only while the order is on its way', () =>
    fc.assert(fc.property(words, (all) => expect(said(all, () => true)).toEqual(expected(all))), { numRuns: 2_000 }));

  it('are said the same whenever somebody looks', () =>
    fc.assert(fc.property(words, fc.nat({ max: 9 }), (all, every) => expect(said(all, (at) => every > 0 && at % every === 0)).toEqual(said(all, () => true))), { numRuns: 1_000 }));

  it('are missed often enough here for that to mean something', () => {
    const many = fc.sample(words, 500).map((all) => said(all, () => true));
    expect(many.filter((told) => told.some((one) => one.startsWith('OrderLate'))).length).toBeGreaterThan(50);
    expect(many.filter((told) => told.some((one) => one.startsWith('OrderStalled'))).length).toBeGreaterThan(50);
  });
});
