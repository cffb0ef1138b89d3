import { Problem } from './problem.js';

/** The largest amount we accept, in minor units: beyond it a JavaScript number is no longer exact. */
export const LARGEST_MINOR = 9_000_000_000_000_000;

const DECIMAL = /^-?\d{1,15}(?:\.\d{1,10})?$/;
const exponents = new Map<string, number>();

/** Digits after the point of a currency's major unit (ISO 4217): 2 for GBP, 0 for JPY, 3 for KWD. @throws money.currency_unknown */
export function minorDigits(currency: string): number {
  const known = exponents.get(currency);
  if (known !== undefined) return known;
  if (!/^[A-Z]{3}$/.test(currency)) throw new Problem('invalid', 'money.currency_unknown', 'A currency is three capital letters (ISO 4217).');
  const digits = new Intl.NumberFormat('en', { style: 'currency', currency }).resolvedOptions().maximumFractionDigits ?? 2;
  exponents.set(currency, digits);
  return digits;
}

/**
 * quantity × unit price in minor units, rounded half-even (banker's rounding, IEEE 754 roundTiesToEven) once.
 * `unitPrice` is a decimal number of major units, such as "2.55" or "-0.001". @throws money.price_invalid, money.out_of_range
 */
export function lineTotalMinor(quantity: number, unitPrice: string, currency: string): number {
  if (!DECIMAL.test(unitPrice)) throw new Problem('invalid', 'money.price_invalid', 'A price is a decimal number such as 2.55.');
  const point = unitPrice.indexOf('.');
  const digits = point < 0 ? unitPrice : unitPrice.slice(0, point) + unitPrice.slice(point + 1);
  const decimals = point < 0 ? 0 : unitPrice.length - point - 1;
  const places = minorDigits(currency) - decimals;
  const exact = Number(digits) * quantity * 10 ** places; // whole numbers: exact while it is safe
  if (places >= 0 && Number.isSafeInteger(exact)) return checkedMinor(exact);
  return checkedMinor(Number(divideHalfEven(BigInt(digits) * BigInt(quantity) * 10n ** BigInt(minorDigits(currency)), 10n ** BigInt(decimals))));
}

/** An amount of minor units, given as a safe integer or its text. @throws money.out_of_range */
export function minor(value: string | number): number {
  return checkedMinor(Number(value));
}

function checkedMinor(value: number): number {
  if (!Number.isInteger(value) || Math.abs(value) > LARGEST_MINOR) throw new Problem('invalid', 'money.out_of_range', 'An amount is an integer of minor units within ±9e15.');
  return value === 0 ? 0 : value;
}

function divideHalfEven(numerator: bigint, denominator: bigint): bigint {
  const quotient = numerator / denominator;
  const twice = 2n * abs(numerator % denominator);
  const up = twice > denominator || (twice === denominator && quotient % 2n !== 0n);
  return up ? quotient + (numerator < 0n ? -1n : 1n) : quotient;
}

const abs = (value: bigint): bigint => (value < 0n ? -value : value);
