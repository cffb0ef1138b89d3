import { holds } from './condition.js';
import { fieldsOf, sampleOf, FACTS } from './fields.js';
import { checkedRule, wishesOf, type HeardFact, type Rule } from './rule.js';
import { SHIPPED_RULES } from './rule.shipped.js';

const NOW = Date.parse('2026-03-01T12:00:00.000Z');
const rule: Rule = { id: 'hello', version: 3, fact: 'OrderPlaced', channel: 'email', audience: 'customer', class: 'transactional', template: 'order-placed', expiresAfterMinutes: 60, priority: 1, active: true };
const heard = (say: object = {}): HeardFact => ({ id: 'f1', type: 'OrderPlaced', body: { effectiveAt: '2026-03-01T11:30:00.000Z', reason: 'event', order: { subject: 'shop:account:ada', status: 'placed', totalMinor: '12800' }, ...say } });
const nobody = { staff: [], endpoints: [] };
const wishes = (fact: HeardFact, more: Partial<Rule> = {}, reachable = nobody as Parameters<typeof wishesOf>[2]) => wishesOf(fact, [{ ...rule, ...more }], reachable, NOW);

describe('a rule', () => {
  it('wants a message for news that are still of use', () => {
    expect(wishes(heard())).toMatchObject([{ rule: 'hello', ruleVersion: 3, subject: 'shop:account:ada', target: undefined, expiresAt: NOW + 30 * 60_000 }]);
    expect(wishes(heard({ reason: 'time' }))).toHaveLength(1);
  });

  it.each(['history', 'late', 'identity', 'rule'])('wants none for a fact with reason %s', (reason) => expect(wishes(heard({ reason }))).toEqual([]));

  it('wants none for what happened longer ago than it is of use, for other facts, when it is off, or when the order names nobody', () => {
    expect(wishes(heard(), { expiresAfterMinutes: 30 })).toEqual([]);
    expect(wishes({ ...heard(), type: 'OrderPaid' })).toEqual([]);
    expect(wishes(heard(), { active: false })).toEqual([]);
    expect(wishes(heard({ order: { subject: '' } }))).toEqual([]);
  });

  it('gives each receiver a message with an id that follows from fact, rule and receiver', () => {
    const reachable = { staff: ['a@x.example', 'b@x.example'], endpoints: [{ id: 'e1', facts: [] }, { id: 'e2', facts: ['OrderPaid'] }] };
    const staff = wishes(heard(), { audience: 'staff', class: 'staff' }, reachable);

    expect(staff.map(({ target }) => target)).toEqual(['a@x.example', 'b@x.example']);
    expect(new Set(staff.map(({ id }) => id)).size).toBe(2);
    expect(wishes(heard(), { audience: 'staff', class: 'staff' }, reachable)).toEqual(staff);
    expect(wishes(heard(), { audience: 'endpoints', channel: 'webhook' }, reachable).map(({ target }) => target)).toEqual(['e1']);
  });

  it('fires only where its condition holds; an absent field fulfils nothing', () => {
    const { body } = heard();
    expect(holds({ all: [{ field: 'order.status', in: ['placed', 'paid'] }, { field: 'order.totalMinor', atLeast: 12_800 }] }, body)).toBe(true);
    expect(holds({ any: [{ field: 'order.totalMinor', atMost: 100 }, { not: { field: 'order.status', is: 'placed' } }] }, body)).toBe(false);
    expect(holds({ field: 'order.currency', atMost: 10 }, body)).toBe(false);
    expect(holds({ field: 'order.currency', exists: false }, body)).toBe(true);
    expect(holds({ field: 'order.__proto__', exists: true }, body)).toBe(false);
  });

  it('ships so that a customer reads of what went back of the order, and nothing of a refund in a currency that the order does not count', () => {
    const refunded = (refundedMinor: string) => wishesOf({ ...heard({ order: { subject: 'shop:account:ada', currency: 'CNY', totalMinor: '12800', refundedMinor } }), type: 'OrderRefunded' }, SHIPPED_RULES, nobody, NOW);

    expect(refunded('400')).toMatchObject([{ rule: 'order-refunded' }]);
    expect(refunded('0')).toEqual([]);
  });

  it('is checked when somebody writes it', () => {
    const { version: _, ...written } = rule;
    const faults = (say: object): unknown[] => { try { checkedRule({ ...written, ...say }); return []; } catch (error) { return (error as { details: { errors: { pointer: string; code: string }[] } }).details.errors.map(({ pointer, code }) => [pointer, code]); } };
    expect(faults({})).toEqual([]);
    expect(faults({ fact: 'StockAlertOpened' })).toEqual([['/audience', 'fact_names_nobody']]);
    expect(faults({ channel: 'webhook' })).toEqual([['/audience', 'audience_mismatch'], ['/template', 'template_mismatch']]);
    expect(faults({ class: 'staff' })).toEqual([['/class', 'class_mismatch']]);
    expect(faults({ condition: { all: [{ field: 'order.totl', is: 1 }, { field: 'order.status' }, []] } })).toEqual([['/condition/all/0', 'field_unknown'], ['/condition/all/1', 'operator_invalid'], ['/condition/all/2', 'condition_malformed']]);
    expect(faults({ condition: JSON.parse(`${'{"not":'.repeat(20)}{}${'}'.repeat(20)}`) })).toEqual([[`/condition${'/not'.repeat(8)}`, 'condition_too_large']]);
  });

  it('ships only in forms that can be saved', () => {
    for (const { version: _, ...shipped } of SHIPPED_RULES.filter(({ fact }) => FACTS.includes(fact))) expect(checkedRule(shipped)).toEqual(shipped);
  });
});

describe('the fields of a fact', () => {
  it('are those of its contract, and its example has them', () => {
    expect([...fieldsOf('OrderPlaced')]).toEqual(expect.arrayContaining(['orderId', 'order', 'order.totalMinor', 'order.refunds.amountMinor']));
    expect(sampleOf('OrderPlaced')).toMatchObject({ orderId: 'orderId', reason: 'event', order: { currency: 'CNY', totalMinor: '12800', refunds: [{ returnId: 'returnId' }] } });
  });
});
