import { iso } from '@yunke/kernel';
import { NOON, aCustomerObserved, anOrderObserved } from '@yunke/testing';

import { fold, type Observation } from './observation.js';

const customer = (say: Parameters<typeof aCustomerObserved>[0]): Observation => ({ type: 'CustomerObserved', body: aCustomerObserved(say), id: 'r', acceptedAt: Date.parse(say?.acceptedAt ?? iso(NOON)) });
const order = (say: Parameters<typeof anOrderObserved>[0]): Observation => ({ type: 'OrderObserved', body: anOrderObserved(say), id: 'r', acceptedAt: NOON });

describe('folding a chunk of observations', () => {
  it('gives one row a subject: the smallest times, each identifier once as first said, and the fields that stand', () => {
    const { told } = fold([
      customer({ messageId: 'm2', occurredAt: iso(NOON + 2), acceptedAt: iso(NOON + 9), phone: '13800138000', verified: false, name: 'Ada' }),
      customer({ messageId: 'm1', occurredAt: iso(NOON + 1), acceptedAt: iso(NOON + 9), phone: '+86 138 0013 8000', name: 'Grace' }),
      customer({ messageId: 'm3', subject: 'shop:account:charles' }),
    ]);
    expect(told).toHaveLength(2);
    expect(told[0]).toMatchObject({ subject: 'shop:account:ada', acceptedAt: NOON + 9, firstSeenAt: NOON + 1, cause: { place: 0 }, fields: { registers: { name: { value: 'Grace' } }, cause: { place: 1 } } });
    expect(told[0]!.evidence).toMatchObject([{ type: 'phone', value: '+8613800138000', version: [NOON + 1, NOON + 9, 'm1'], verified: true, cause: { place: 0 } }]);
  });

  it('counts what never links by its reason, and hears the rest', () => {
    const { told, refused } = fold([customer({ email: 'null', phone: '138****8000', identifiers: [{ type: 'oaid', value: 'x' }, { type: 'unionid', value: 'u' }] }), customer({ email: 'NULL' })]);
    expect(Object.fromEntries(refused)).toEqual({ 'short-lived': 1, masked: 1, placeholder: 2 });
    expect(told[0]!.evidence).toMatchObject([{ type: 'unionid', value: 'u' }]);
  });

  it('takes a subject that repeats its own key for no evidence, and the same key of another source for some', () => {
    const { told } = fold([customer({ identifiers: [{ type: 'account', value: 'ada' }] }), customer({ subject: 'shop:anonymous:x', identifiers: [{ type: 'account', value: 'ada' }] })]);
    expect(told.map(({ evidence }) => evidence.map(({ value }) => value))).toEqual([[], ['shop:ada']]);
  });

  it('fills the record of a guest from the order, as old as the order, and never that of an account, whose recipient it may name', () => {
    const { told } = fold([order({ email: 'gift@example.com' }), order({ subject: 'shop:order-contact:A1', email: 'guest@example.com', occurredAt: iso(NOON + 5), placedAt: iso(NOON) })]);
    expect(told.map(({ fields }) => fields?.registers)).toMatchObject([undefined, { email: { value: 'guest@example.com', version: [NOON, NOON, expect.any(String)] } }]);
  });

  it('hears nothing of what names nobody, and refuses what is no subject', () => {
    expect(fold([order({ subject: '', email: 'nobody@example.com' })]).told).toEqual([]);
    expect(() => fold([customer({ subject: 'ada' })])).toThrow(expect.objectContaining({ code: 'subject.malformed' }));
  });
});
