import { customerOf, isAdjustment, kindOf, timeOf, type Invoice } from './invoice.js';
import { amountMinor } from './mapping.js';
import type { Row } from './rows.js';

/** Stock codes that are no goods: carriage, fees, discounts, samples, corrections. */
const NOT_GOODS = ['POST', 'DOT', 'C2', 'M', 'm', 'D', 'S', 'B', 'AMAZONFEE', 'BANK CHARGES', 'CRUK'];

/** Every class of line and invoice in the file by name, so that nothing is left out silently. Amounts in pence. */
export type Tally = ReturnType<typeof newTally>;

export function newTally() {
  return {
    lines: 0, invoices: 0, customers: 0,
    orders: 0, orderLines: 0, orderedMinor: 0,
    returns: 0, returnLines: 0, returnedMinor: 0,
    /** Lines of negative quantity outside C-invoices, and the invoices that hold nothing else. */
    stockAdjustments: 0, adjustmentInvoices: 0,
    /** A-invoices: no contract has words for them, so they are named here and not sent. */
    ledgerAdjustments: 0, ledgerLines: 0, ledger: [] as { invoice: string; amountMinor: number; time: string; description: string }[],
    linesWithoutCustomer: 0, ordersWithoutCustomer: 0, returnsWithoutCustomer: 0, invoicesWithAndWithoutCustomer: 0, invoicesOfTwoCustomers: 0,
    interleavedInvoices: 0, invoicesWithTwoTimes: 0, invoicesOutOfTimeOrder: 0,
    negativePrices: 0, tenthOfAPennyPrices: 0,
    /** Sold for nothing: such lines, and the orders made of nothing else. */
    freeLines: 0, freeOrders: 0, freeReturnLines: 0,
    /** What the rules allow for and the shop never did. */
    returnLinesOfPositiveQuantity: 0, linesOfNoQuantity: 0, adjustmentsWithPrice: 0, adjustmentsWithCustomer: 0,
    emptyDescriptions: 0, stockCodesWithSpaces: 0,
    notGoods: Object.fromEntries(NOT_GOODS.map((sku) => [sku, 0])) as Record<string, number>,
  };
}

/** Adds the invoices of a file, in their order, to a tally. */
export function startTally(): { readonly tally: Tally; add(invoice: Invoice): void } {
  const tally = newTally();
  const customers = new Set<string>();
  let latest = '';
  return {
    tally,
    add(invoice) {
      tally.invoices += 1;
      for (const row of invoice.rows) {
        addLine(tally, row);
        if (row.customer !== '') customers.add(row.customer);
      }
      tally.customers = customers.size;
      addOddities(tally, invoice);
      if (timeOf(invoice) < latest) tally.invoicesOutOfTimeOrder += 1;
      else latest = timeOf(invoice);
      ADD[kindOf(invoice)](tally, invoice);
    },
  };
}

const ADD: Record<ReturnType<typeof kindOf>, (tally: Tally, invoice: Invoice) => void> = {
  order(tally, invoice) {
    const sold = invoice.rows.filter((row) => !isAdjustment(row));
    const written = invoice.rows.filter(isAdjustment);
    tally.stockAdjustments += written.length;
    tally.adjustmentsWithPrice += written.filter(isPriced).length;
    tally.adjustmentsWithCustomer += written.filter(({ customer }) => customer !== '').length;
    if (sold.length === 0) tally.adjustmentInvoices += 1;
    else {
      tally.orders += 1;
      tally.orderLines += sold.length;
      tally.orderedMinor += sum(sold.map(amountMinor));
      tally.freeLines += sold.filter((row) => !isPriced(row)).length;
      if (!sold.some(isPriced)) tally.freeOrders += 1;
      if (customerOf(invoice) === '') tally.ordersWithoutCustomer += 1;
    }
  },
  return(tally, invoice) {
    tally.returns += 1;
    tally.returnLines += invoice.rows.length;
    tally.returnedMinor += sum(invoice.rows.map((row) => Math.abs(amountMinor(row))));
    tally.freeReturnLines += invoice.rows.filter((row) => !isPriced(row)).length;
    tally.returnLinesOfPositiveQuantity += invoice.rows.filter(({ quantity }) => quantity > 0).length;
    if (customerOf(invoice) === '') tally.returnsWithoutCustomer += 1;
  },
  ledger(tally, { id, rows }) {
    tally.ledgerAdjustments += 1;
    tally.ledgerLines += rows.length;
    tally.ledger.push(...rows.map((row) => ({ invoice: id, amountMinor: amountMinor(row), time: row.time, description: row.description })));
  },
};

function addLine(tally: Tally, { customer, price, description, sku, quantity }: Row): void {
  tally.lines += 1;
  if (customer === '') tally.linesWithoutCustomer += 1;
  if (price.startsWith('-')) tally.negativePrices += 1;
  if (/\.\d\d0*[1-9]/.test(price)) tally.tenthOfAPennyPrices += 1;
  if (description === '') tally.emptyDescriptions += 1;
  if (sku.includes(' ')) tally.stockCodesWithSpaces += 1;
  if (quantity === 0) tally.linesOfNoQuantity += 1;
  if (Object.hasOwn(tally.notGoods, sku)) tally.notGoods[sku]! += 1;
}

function addOddities(tally: Tally, { rows }: Invoice): void {
  const customers = new Set(rows.map(({ customer }) => customer));
  if (customers.has('') && customers.size > 1) tally.invoicesWithAndWithoutCustomer += 1;
  customers.delete('');
  if (customers.size > 1) tally.invoicesOfTwoCustomers += 1;
  if (rows.at(-1)!.number - rows[0]!.number !== rows.length - 1) tally.interleavedInvoices += 1;
  if (rows.some(({ time }) => time !== rows[0]!.time)) tally.invoicesWithTwoTimes += 1;
}

const isPriced = ({ price }: Row): boolean => Number(price) !== 0;
const sum = (amounts: readonly number[]): number => amounts.reduce((total, amount) => total + amount, 0);

/** @throws Error when a line or an invoice is in no class, or in two */
export function requireAllNamed(tally: Tally): void {
  const lines = tally.orderLines + tally.returnLines + tally.stockAdjustments + tally.ledgerLines;
  const papers = tally.orders + tally.returns + tally.adjustmentInvoices + tally.ledgerAdjustments;
  if (lines !== tally.lines || papers !== tally.invoices) throw new Error(`Not all is accounted for: ${lines} of ${tally.lines} lines, ${papers} of ${tally.invoices} invoices.`);
}
