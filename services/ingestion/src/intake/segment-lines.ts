import type { Line } from '@yunke/contracts';
import { LARGEST_MINOR, Problem, lineTotalMinor } from '@yunke/kernel';

import { LONGEST_ID, note, objectsIn, textIn, valueIn, type Part } from './segment-part.js';

const DECIMAL = /^\d{1,15}(?:\.\d{1,10})?$/;
const NUMERIC = /^(-?)\d+(?:\.\d+)?$/;
const DIGITS = /^-?\d{1,16}$/;

/** What Segment's specification says an amount without a currency is in. */
const USUAL_CURRENCY = 'USD';

/** The currency of the amounts of a call. */
export function currencyIn(properties: Part): string {
  const currency = textIn(properties, 'currency')?.toUpperCase() ?? USUAL_CURRENCY;
  if (/^[A-Z]{3}$/.test(currency)) return currency;
  note(properties, 'currency', 'amount_invalid', 'A currency is three letters (ISO 4217).');
  return USUAL_CURRENCY;
}

/** A decimal number of major units, from a text or a number, not negative. */
export function decimalIn(part: Part, name: string): string | undefined {
  const value = valueIn(part, name);
  if (value === undefined) return undefined;
  if (typeof value !== 'number' && typeof value !== 'string') {
    note(part, name, 'validation_failed', 'It must be a decimal number such as 2.55, or its text.');
    return undefined;
  }
  const text = typeof value === 'number' ? shortestDecimal(value) : value;
  if (DECIMAL.test(text)) return text;
  const numeric = NUMERIC.exec(text);
  if (numeric?.[1]) note(part, name, 'amount_invalid', 'It must not be negative.');
  // What is left of a sum of floats, as in 0.30000000000000004, is nobody's price; rounding it here would hide whose mistake it is.
  else if (numeric || typeof value === 'number') note(part, name, 'number_out_of_range', 'It has at most 15 digits before the point and 10 after it.');
  else note(part, name, 'validation_failed', 'It must be a decimal number such as 2.55.');
  return undefined;
}

/** The shortest decimal text that reads as this number, without an exponent where one can be written out: 1.5e-7 is 0.00000015. */
function shortestDecimal(value: number): string {
  const text = String(value);
  const at = text.indexOf('e-');
  if (at < 0) return text;
  const digits = text.slice(0, at).replace(/[-.]/g, '');
  return `${value < 0 ? '-' : ''}0.${'0'.repeat(Number(text.slice(at + 2)) - 1)}${digits}`;
}

/** An amount in minor units of the currency, rounded half-even once. */
export function amountIn(part: Part, name: string, currency: string): number | undefined {
  const text = decimalIn(part, name);
  return text === undefined ? undefined : totalIn(part, name, { quantity: 1, unitPrice: text, currency });
}

function totalIn(part: Part, name: string, { quantity, unitPrice, currency }: { quantity: number; unitPrice: string; currency: string }): number {
  try {
    return lineTotalMinor(quantity, unitPrice, currency);
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    note(part, name, 'number_out_of_range', 'The amount is larger than 9e15 minor units.'); // the price and the currency are known to be good
    return 0;
  }
}

/** The sum of amounts that are each within bounds. */
export function sumOf(part: Part, name: string, amounts: readonly number[]): number {
  const sum = amounts.reduce((total, amount) => total + amount, 0);
  if (sum > LARGEST_MINOR) note(part, name, 'number_out_of_range', 'The amounts together are larger than 9e15 minor units.');
  return sum;
}

/** A whole number, from a number or its text. */
export function wholeIn(part: Part, name: string): number | undefined {
  const value = valueIn(part, name);
  if (value === undefined) return undefined;
  const isNumeric = typeof value === 'number' || (typeof value === 'string' && NUMERIC.test(value));
  const number = typeof value === 'string' && !DIGITS.test(value) ? NaN : Number(isNumeric ? value : NaN);
  if (Number.isInteger(number) && Math.abs(number) <= LARGEST_MINOR) return number === 0 ? 0 : number;
  note(part, name, isNumeric ? 'number_out_of_range' : 'validation_failed', 'It must be a whole number within ±9e15.');
  return undefined;
}

/** The lines of the products in a list. `priced`: each must have its price, since nothing else says what it came to. */
export function linesIn(part: Part, name: string, money: { currency: string; priced: boolean }): Line[] {
  const ids: LineIds = { taken: new Set(), repeats: new Map() };
  return objectsIn(part, name).map((product) => lineOf(product, ids, money));
}

/** The line of one product, which is alone in what it is in. */
export const onlyLineOf = (product: Part, currency: string): Line => lineOf(product, { taken: new Set(), repeats: new Map() }, { currency, priced: false });

type LineIds = { readonly taken: Set<string>; readonly repeats: Map<string, number> };

function lineOf(product: Part, ids: LineIds, { currency, priced }: { currency: string; priced: boolean }): Line {
  const sku = textIn(product, 'sku', LONGEST_ID);
  const productId = textIn(product, 'product_id', LONGEST_ID);
  if (sku === undefined && productId === undefined) note(product, 'sku', 'validation_failed', 'A product needs its sku or its product_id.');
  const lineId = uniqueId(textIn(product, 'line_id', LONGEST_ID) ?? sku ?? productId ?? '', ids);
  if (lineId.length > LONGEST_ID) note(product, 'line_id', 'id_invalid', `It must have at most ${LONGEST_ID} characters, and so many only once.`);
  const quantity = wholeIn(product, 'quantity') ?? 1;
  if (quantity < 0) note(product, 'quantity', 'amount_invalid', 'It must not be negative; goods that come back are a return.');
  const before = product.faults.length;
  const unitPrice = decimalIn(product, 'price');
  if (priced && unitPrice === undefined && product.faults.length === before) note(product, 'price', 'validation_failed', 'A product needs its price here.');
  const totalMinor = unitPrice === undefined ? 0 : totalIn(product, 'price', { quantity, unitPrice, currency });
  return { lineId, sku: sku ?? productId ?? '', name: textIn(product, 'name'), category: textIn(product, 'category'), quantity: String(quantity), unitPrice, totalMinor: String(totalMinor) };
}

/** `A`, then `A:2`, `A:3`: the same in every observation of the order, as long as the source keeps its products in order. */
function uniqueId(wanted: string, { taken, repeats }: LineIds): string {
  let id = wanted;
  // Each number is tried once per id: 2,000 equal lines must not cost 2,000 squared.
  while (taken.has(id)) {
    const next = (repeats.get(wanted) ?? 1) + 1;
    repeats.set(wanted, next);
    id = `${wanted}:${next}`;
  }
  taken.add(id);
  return id;
}
