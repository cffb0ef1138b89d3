import fc from 'fast-check';
import { isTimestamp } from './index.js';

const instants = fc.date({
  min: new Date('1900-01-01T00:00:00Z'), max: new Date('9999-12-31T23:59:59.999Z'), noInvalidDate: true,
});

describe('the times that a source may send', () => {
  it.each([
    '2026-03-01T09:30:00Z', '2026-03-01T09:30:00.123456789Z', '2026-03-01T09:30:00+08:00', '2028-02-29T23:59:59-23:59',
    '2000-02-29T00:00:00Z', '1900-01-01T00:00:00Z', '9999-12-31T23:59:59.999Z',
  ])('take %s', (text) => expect(isTimestamp(text)).toBe(true));

  it.each([
    ['a day that does not exist', '2026-02-30T10:00:00Z'],
    ['29 February in a common year', '2026-02-29T10:00:00Z'],
    ['29 February 2100', '2100-02-29T10:00:00Z'],
    ['the 31st of April', '2026-04-31T10:00:00Z'],
    ['a thirteenth month', '2026-13-01T10:00:00Z'],
    ['a day zero', '2026-01-00T10:00:00Z'],
    ['a leap second', '2016-12-31T23:59:60Z'],
    ['hour 24', '2026-01-01T24:00:00Z'],
    ['no zone', '2026-01-01T10:00:00'],
    ['a date alone', '2026-01-01'],
    ['a zone of 24 hours', '2026-01-01T10:00:00+24:00'],
    ['a zone without a colon', '2026-01-01T10:00:00+0800'],
    ['a blank for the T', '2026-01-01 10:00:00Z'],
    ['more digits than nanoseconds', '2026-01-01T10:00:00.1234567890Z'],
    ['an empty fraction', '2026-01-01T10:00:00.Z'],
    ['what is before 1900 in UTC', '1900-01-01T00:00:00+00:01'],
    ['what is after 9999 in UTC', '9999-12-31T23:59:59-00:01'],
    ['year 275761', '+275761-01-01T00:00:00Z'],
    ['a line end behind it', '2026-01-01T10:00:00Z\n'],
    ['nothing', ''],
  ])('refuse %s', (_, text) => expect(isTimestamp(text)).toBe(false));

  it('take every instant of those years that a computer writes, and no other date than it reads back', () =>
    fc.assert(
      fc.property(instants, fc.integer({ min: 28, max: 31 }), (date, day) => {
        expect(isTimestamp(date.toISOString())).toBe(true);
        const other = `${date.toISOString().slice(0, 8)}${day}T12:00:00Z`;
        expect(isTimestamp(other)).toBe(new Date(other).toISOString().startsWith(other.slice(0, 10)));
      }),
    ));
});
