import fc from 'fast-check';

import { DAY, iso, millis } from './clock.js';

const instants = fc.oneof(fc.integer({ min: -8.64e15, max: 8.64e15 }), fc.integer({ min: 1_700_000_000_000, max: 1_700_000_000_000 + 3 * DAY }), fc.constantFrom(0, -1, DAY, DAY - 1, -DAY, 253_402_300_799_999, 253_402_300_800_000));

describe('an instant', () => {
  it('is written as Date writes it, whatever was written before', () => fc.assert(fc.property(fc.array(instants, { minLength: 1 }), (all) => expect(all.map(iso)).toEqual(all.map((at) => new Date(at).toISOString()))), { numRuns: 2_000 }));
  it('is read as Date reads it', () => fc.assert(fc.property(fc.array(instants, { minLength: 1 }), (all) => expect(all.map((at) => millis(iso(at)))).toEqual(all)), { numRuns: 2_000 }));
  it.each(['2026-11-23T17:16:43Z', '2026-11-23T17:16:43.1Z', '2026-11-23T17:16:43.123456Z', '2026-11-23T17:16:43.123+08:00', '2026-11-23T24:00:00.000Z'])('is read from %s as Date reads it', (text) => {
    iso(Date.parse('2026-11-23T00:00:00.000Z'));
    expect(millis(text)).toBe(Date.parse(text));
  });
  it('is refused when it is none', () => expect(() => iso(NaN)).toThrow(RangeError));
  it('may be told in parts of a millisecond', () => expect(iso(1_700_000_000_000.7)).toBe(new Date(1_700_000_000_000.7).toISOString()));
});
