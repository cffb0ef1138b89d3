import fc from 'fast-check';

import { lineTotalMinor, minorDigits } from './money.js';

describe('the total of a line', () => {
  it('is the exact product, rounded half-even once, for any price and quantity', () =>
    fc.assert(fc.property(fc.integer({ min: -5_000, max: 5_000 }), fc.integer({ min: -99_999_999, max: 99_999_999 }), fc.nat({ max: 6 }), fc.constantFrom('GBP', 'JPY', 'KWD'), (quantity, units, places, currency) => {
      const digits = String(Math.abs(units)).padStart(places + 1, '0');
      const price = `${units < 0 ? '-' : ''}${digits.slice(0, digits.length - places)}${places > 0 ? `.${digits.slice(-places)}` : ''}`;
      const [over, under] = [BigInt(quantity) * BigInt(units) * 10n ** BigInt(minorDigits(currency)), 10n ** BigInt(places)];
      const total = BigInt(lineTotalMinor(quantity, price, currency));
      const error = total * under - over; // within half a unit, and exactly half only next to an even total
      expect(2n * (error < 0n ? -error : error) <= under).toBe(true);
      if (2n * (error < 0n ? -error : error) === under && under > 1n) expect(total % 2n).toBe(0n);
    }), { numRuns: 2_000 }));

  it.each([
    [6, '2.55', 'GBP', 1530], [1, '0.001', 'GBP', 0], [5, '0.001', 'GBP', 0], [15, '0.001', 'GBP', 2], [25, '0.001', 'GBP', 2],
    [1, '-11062.06', 'GBP', -1106206], [3, '150', 'JPY', 450], [1, '1.2345', 'KWD', 1234], [1, '1.2355', 'KWD', 1236], [-3, '0.005', 'GBP', -2],
  ])('of %d × %s %s is %d', (quantity, price, currency, total) => {
    expect(lineTotalMinor(quantity, price, currency)).toBe(total);
  });

  it.each(['1e3', '', '1,5', '1.', '--1', 'NaN'])('refuses the price %p', (price) => {
    expect(() => lineTotalMinor(1, price, 'GBP')).toThrow(expect.objectContaining({ code: 'money.price_invalid' }));
  });

  it('refuses what a number cannot hold exactly', () => {
    expect(() => lineTotalMinor(1_000_000, '999999999999.99', 'GBP')).toThrow(expect.objectContaining({ code: 'money.out_of_range' }));
  });

  it('knows how many digits a currency has', () => {
    expect(['GBP', 'JPY', 'KWD'].map(minorDigits)).toEqual([2, 0, 3]);
  });
});
