import fc from 'fast-check';

import { streamOf, type OrderObserved } from '@yunke/contracts';
import { iso } from '@yunke/kernel';

import { changes } from './order-change.js';
import { MILESTONES, observe, observeShipment, reached, stateOf, unknownOrder, versionOf, withReturn, type Order } from './order.js';

const START = Date.parse('2026-01-01T00:00:00.000Z');

/** A shop's words about one order: few values, so that they contradict, repeat and tie. */
const observations = fc.array(fc.record({
  occurred: fc.nat({ max: 5 }), accepted: fc.nat({ max: 5 }), id: fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f'), version: fc.option(fc.nat({ max: 3 }), { nil: undefined }),
  subject: fc.constantFrom('', 'shop:account:ada', 'shop:account:bo'), total: fc.option(fc.integer({ min: 0, max: 900 }), { nil: undefined }),
  reached: fc.dictionary(fc.constantFrom(...MILESTONES), fc.nat({ max: 9 })), lines: fc.dictionary(fc.constantFrom('1', '2', 'constructor', '__proto__'), fc.integer({ min: 1, max: 500 })),
}), { minLength: 1, maxLength: 7 }).map((all) => {
  const versioned = all.every(({ version }) => version !== undefined); // a source has versions, or it has none
  return all.map(({ occurred, accepted, id, version, subject, total, reached: milestones, lines }): OrderObserved => ({
    source: 'shop', subject, messageId: id, occurredAt: iso(START + occurred), acceptedAt: iso(START + 100 + accepted), history: false, verified: true, identifiers: [], orderId: 'shop:1', currency: 'CNY',
    ...(versioned && { version: String(version) }), ...(total !== undefined && { totalMinor: String(total) }),
    lines: Object.entries(lines).map(([lineId, minor]) => ({ lineId, sku: 'tea', quantity: '1', totalMinor: String(minor) })),
    ...Object.fromEntries(Object.entries(milestones).map(([name, at]) => [`${name}At`, iso(START + at)])),
  }));
}).filter((all) => new Set(all.map((seen) => JSON.stringify(versionOf(seen)))).size === all.length); // a message says one thing

/** Each time as the database gives it back. */
const fold = (seen: readonly OrderObserved[]): Order => seen.reduce((order, one) => JSON.parse(JSON.stringify(observe(order, one))) as Order, unknownOrder('shop:1'));

/** The oracle, by definition: per field, the observation that is last in the total order among those that say it. */
function expected(seen: readonly OrderObserved[]): { total: string; subject: string; milestones: Record<string, number> } {
  const ordered = [...seen].sort((a, b) => Number(a.version ?? Date.parse(a.occurredAt)) - Number(b.version ?? Date.parse(b.occurredAt)) || Date.parse(a.acceptedAt) - Date.parse(b.acceptedAt) || (a.messageId < b.messageId ? -1 : 1));
  let [total, subject]: [string | undefined, string] = [undefined, ''];
  const milestones: Record<string, number> = {};
  const lines = new Map<string, number>();
  for (const one of ordered) {
    total = one.totalMinor ?? total;
    subject = one.subject || subject;
    for (const { lineId, totalMinor } of one.lines) lines.set(lineId, Number(totalMinor));
    for (const [name, at] of Object.entries(one)) if (name.endsWith('At') && !['occurredAt', 'acceptedAt'].includes(name)) milestones[name.slice(0, -2)] = Date.parse(at as string);
  }
  return { total: total ?? String([...lines.values()].reduce((sum, minor) => sum + minor, 0)), subject, milestones };
}

describe('the laws of an order', () => {
  it('does not depend on the order of arrival, nor on repetition, and is what the last word per field says', () =>
    fc.assert(fc.property(observations, fc.infiniteStream(fc.nat()), (seen, random) => {
      const shuffled = [...seen, ...seen.slice(0, 2)].map((one) => ({ one, place: random.next().value as number })).sort((a, b) => a.place - b.place).map(({ one }) => one);
      const [order, other] = [fold(seen), fold(shuffled)];
      expect(stateOf(other)).toEqual(stateOf(order));
      expect(reached(other)).toEqual(reached(order));

      const last = expected(seen);
      expect(stateOf(order)).toMatchObject({ totalMinor: last.total, subject: last.subject });
      expect(reached(order)).toEqual(last.milestones);
    }), { numRuns: 500 }));

  it('keeps what is told of every parcel, whatever it is called', () => {
    const said = { source: 'shop', occurredAt: iso(START), acceptedAt: iso(START), history: false, verified: true, orderId: 'shop:1' };
    const names = ['1', 'constructor', 'toString', '__proto__'];
    const order = names.reduce((held, shipmentId) => observeShipment(held, { ...said, messageId: shipmentId, shipmentId, shippedAt: iso(START), carrier: shipmentId }), unknownOrder('shop:1'));

    expect(Object.entries(order.shipments).map(([id, { carrier }]) => [id, carrier![0]])).toEqual(names.map((name) => [name, name]));
  });

  it('announces every milestone exactly once and numbers what it says 1, 2, 3, …', () =>
    fc.assert(fc.property(observations, (seen) => {
      let order = unknownOrder('shop:1');
      const facts = seen.flatMap((one) => {
        const result = changes(order, observe(order, one), { id: one.messageId, history: false, occurredAt: Date.parse(one.occurredAt), acceptedAt: Date.parse(one.acceptedAt) });
        order = result.state;
        return result.facts.filter(({ type }) => streamOf(type).name === 'ordersChanges');
      });
      expect(facts.map(({ body }) => (body as { seq: string }).seq)).toEqual(facts.map((_, index) => String(index + 1)));
      const announced = facts.map(({ type }) => type).filter((type) => type !== 'OrderAmended');
      expect(new Set(announced).size).toBe(announced.length);
      expect(announced).toHaveLength(Object.keys(reached(order)).length);
      if (facts.length > 0) expect((facts.at(-1)!.body as { order: unknown }).order).toEqual(stateOf(order));
    }), { numRuns: 500 }));

  it('says nothing of an order before somebody told of it: what was heard first, a parcel or a refund, is said then, once, and names the customer', () => {
    const said = { source: 'shop', occurredAt: iso(START), acceptedAt: iso(START), history: false, verified: true };
    const words: Record<string, (order: Order) => Order> = {
      order: (order) => observe(order, { ...said, subject: 'shop:account:ada', messageId: 'o', identifiers: [], orderId: 'shop:1', currency: 'CNY', placedAt: iso(START), lines: [{ lineId: '1', sku: 'tea', quantity: '1', totalMinor: '900' }] }),
      parcel: (order) => observeShipment(order, { ...said, messageId: 's', orderId: 'shop:1', shipmentId: 'p', shippedAt: iso(START) }),
      refund: (order) => withReturn(order, 'shop:R1', { refundMinor: 100, currency: 'CNY', refundedAt: START, receivedAt: START }),
    };
    fc.assert(fc.property(fc.shuffledSubarray(Object.keys(words), { minLength: 3 }), (heard) => {
      let order = unknownOrder('shop:1');
      const facts = heard.flatMap((word) => {
        const result = changes(order, words[word]!(order), { id: word, history: false, occurredAt: START, acceptedAt: START });
        order = result.state;
        return result.facts.filter(({ type }) => streamOf(type).name === 'ordersChanges');
      });
      expect(facts.map(({ type }) => type).sort()).toEqual(['OrderPlaced', 'OrderRefunded', 'OrderReturned', 'OrderShipped']);
      expect(facts.map(({ body }) => (body as { order: { subject: string } }).order.subject)).toEqual(facts.map(() => 'shop:account:ada'));
      expect(facts.map(({ body }) => (body as { seq: string }).seq)).toEqual(['1', '2', '3', '4']);
    }));
  });
});
