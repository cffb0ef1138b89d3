import fc from 'fast-check';
import { addsTo, fold, mergeRegister, mergeRegisters, pack, registersOf, unpack, type Register, type Told } from './golden.js';

const told = (fields: Partial<Told>, at = 1): Told => ({ subject: 'web:account:ada', verified: true, version: [at, at, `m${at}`], ...fields });
const golden = (...observations: Told[]) => fold(observations.map((each) => registersOf(each)));

describe('the golden record', () => {
  it('shows the most recent of equally trusted values, and where each came from', () => {
    const record = golden(
      told({ subject: 'web:account:ada', city: 'Leeds', name: 'Ada' }, 1),
      told({ subject: 'pos:account:9', city: 'York' }, 2),
    );
    expect(record).toEqual([
      { field: 'name', value: 'Ada', source: 'web', occurredAt: 1 },
      { field: 'city', value: 'York', source: 'pos', occurredAt: 2 },
    ]);
  });

  it('believes a verified source before a browser, however late the browser speaks', () => {
    expect(golden(told({ city: 'Leeds' }, 1), told({ city: 'Nowhere', verified: false }, 9))).toMatchObject([{ value: 'Leeds' }]);
  });

  it('believes an account before the contact of an order, which may be the recipient of a gift', () => {
    expect(golden(told({ name: 'Ada' }, 1), told({ name: 'Charles', subject: 'web:order-contact:A1' }, 9))).toMatchObject([{ value: 'Ada' }]);
  });

  it('believes the source that somebody ranked higher, but never unverified before verified', () => {
    const ranks = { crm: 90, web: 10 };
    const crm = told({ city: 'Leeds', subject: 'crm:order-contact:1' }, 1);
    expect(fold([registersOf(crm, ranks), registersOf(told({ city: 'York' }, 9), ranks)])).toMatchObject([{ value: 'Leeds', source: 'crm' }]);
    expect(fold([registersOf({ ...crm, verified: false }, ranks), registersOf(told({ city: 'York' }, 9), ranks)])).toMatchObject([{ value: 'York' }]);
  });

  it('shows a half hidden value only where nobody told it in full', () => {
    expect(golden(told({ name: '张三', verified: false }, 1), told({ name: '张＊' }, 9))).toMatchObject([{ value: '张三' }]);
    expect(golden(told({ name: '张＊' }))).toMatchObject([{ value: '张＊' }]);
  });

  it('is not emptied by a field that says nothing', () => {
    expect(golden(told({ phone: '13800138000' }, 1), told({ phone: '  ' }, 9), told({ phone: 'null' }, 10), told({ phone: '000-0000' }, 11))).toMatchObject([{ value: '13800138000' }]);
  });

  it('is empty for somebody of whom nothing was told', () => {
    expect(golden(told({}))).toEqual([]);
    expect(fold([])).toEqual([]);
  });
});

describe('marketing consent', () => {
  const consent = (...observations: Told[]) => golden(...observations).flatMap(({ field, value }) => (field === 'marketingConsent' ? [value] : []));

  it('is refused for the person when one of the accounts refuses, even an older or less trusted one', () => {
    expect(consent(told({ marketingConsent: false }, 1), told({ marketingConsent: true, subject: 'pos:account:9' }, 9))).toEqual(['false']);
    expect(consent(told({ marketingConsent: false, verified: false }, 1), told({ marketingConsent: true, subject: 'pos:account:9' }, 9))).toEqual(['false']);
  });

  it('stays unknown where nobody spoke, and does not become a refusal by that', () => {
    expect(consent(told({ name: 'Ada' }))).toEqual([]);
    expect(consent(told({ name: 'Ada' }), told({ marketingConsent: true, subject: 'pos:account:9' }))).toEqual(['true']);
  });

  it('of one account is its latest word, and a browser may withdraw it but not give it', () => {
    const latest = (...observations: Told[]) => fold([observations.map((each) => registersOf(each)).reduce(mergeRegisters)])[0]?.value;
    expect(latest(told({ marketingConsent: false }, 1), told({ marketingConsent: true }, 2))).toBe('true');
    expect(latest(told({ marketingConsent: true }, 1), told({ marketingConsent: false, verified: false }, 2))).toBe('false');
    expect(latest(told({ marketingConsent: false }, 1), told({ marketingConsent: true, verified: false }, 2))).toBe('false');
    expect(latest(told({ marketingConsent: false, verified: false }, 1), told({ marketingConsent: true }, 2))).toBe('true');
  });
});

describe('a register', () => {
  const small = fc.integer({ min: 0, max: 2 });
  const register: fc.Arbitrary<Register> = fc.record({
    value: fc.constantFrom('a', 'b'), trust: small, source: fc.constantFrom('web', 'pos'),
    version: fc.tuple(small, small, fc.constantFrom('m1', 'm2')),
  });

  it('ends the same whatever the order, the grouping and the repetition of what was told', () =>
    fc.assert(fc.property(register, register, register, (a, b, c) => {
      expect(mergeRegister(a, b)).toEqual(mergeRegister(b, a));
      expect(mergeRegister(mergeRegister(a, b), c)).toEqual(mergeRegister(a, mergeRegister(b, c)));
      expect(mergeRegister(a, a)).toEqual(a);
    }), { numRuns: 1_000 }));

  it('of every field merges so, and the golden record does not depend on the order of members', () => {
    const consent = register.map((each) => ({ ...each, value: each.value === 'a' ? 'true' : 'false' }));
    const registers = fc.record({ name: register, city: register, marketingConsent: consent }, { requiredKeys: [] });
    fc.assert(fc.property(registers, registers, registers, (a, b, c) => {
      expect(mergeRegisters(a, b)).toEqual(mergeRegisters(b, a));
      expect(mergeRegisters(mergeRegisters(a, b), c)).toEqual(mergeRegisters(a, mergeRegisters(b, c)));
      expect(fold([a, b, c])).toEqual(fold([c, a, b, b]));
      expect(addsTo(mergeRegisters(a, b), b)).toBe(false);
      expect(unpack(JSON.parse(JSON.stringify(pack(a))))).toEqual(a);
    }), { numRuns: 1_000 });
  });
});
