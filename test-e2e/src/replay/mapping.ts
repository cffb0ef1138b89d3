import { lineTotalMinor } from '@yunke/kernel';

import { customerOf, isAdjustment, kindOf, timeOf, type Invoice } from './invoice.js';
import { londonToUtc } from './london.js';
import type { Row } from './rows.js';

export const CURRENCY = 'GBP';
/** The file knows of one. */
export const WAREHOUSE = 'main';

/** One native observation as `POST /v1/observations` takes it, and the key whose observations must be sent one after the other. */
export type Observation = { readonly key: string; readonly lines: number; readonly body: { readonly type: string; readonly messageId: string; readonly occurredAt: string; readonly [field: string]: unknown } };

/**
 * What an invoice says: an order, or a return without an order to point at; its lines of negative quantity are movements of
 * stock. A ledger adjustment says nothing that a contract has words for: see tally.ts.
 */
export function observationsOf(invoice: Invoice): Observation[] {
  const kind = kindOf(invoice);
  if (kind === 'ledger') return [];
  const at = londonToUtc(timeOf(invoice));
  if (kind === 'return') return [returned(invoice, at)];
  const sold = invoice.rows.filter((row) => !isAdjustment(row));
  return [...(sold.length > 0 ? [ordered(invoice, sold, at)] : []), ...invoice.rows.filter(isAdjustment).map((row) => adjusted(row))];
}

function ordered(invoice: Invoice, sold: readonly Row[], at: string): Observation {
  const { id } = invoice;
  const customer = customerOf(invoice);
  return {
    key: customer || id, lines: sold.length,
    body: {
      type: 'OrderObserved', messageId: `order-${id}`, occurredAt: at, orderId: id, ...subjectOf(customer), currency: CURRENCY,
      lines: sold.map((row) => ({ ...lineOf(row), quantity: row.quantity })), placedAt: at, deliveredAt: at, country: sold[0]!.country,
    },
  };
}

/** The lines stand there without a sign: a return says what came back. */
function returned(invoice: Invoice, at: string): Observation {
  const { id, rows } = invoice;
  const customer = customerOf(invoice);
  return {
    key: customer || id, lines: rows.length,
    body: {
      type: 'ReturnObserved', messageId: `return-${id}`, occurredAt: at, returnId: id, ...subjectOf(customer), currency: CURRENCY,
      refundMinor: rows.reduce((sum, row) => sum + Math.abs(amountMinor(row)), 0),
      lines: rows.map((row) => ({ ...lineOf(row), quantity: Math.abs(row.quantity) })), refundedAt: at,
    },
  };
}

/** A movement has its own line's time: it is no part of the invoice's order. */
function adjusted(row: Row): Observation {
  return {
    key: row.sku, lines: 1,
    body: {
      type: 'StockObserved', messageId: `adjustment-${row.number}`, occurredAt: londonToUtc(row.time), movementId: String(row.number), sku: row.sku, warehouse: WAREHOUSE,
      kind: 'adjustment', quantity: row.quantity, ...(row.description !== '' && { reason: row.description }),
    },
  };
}

const subjectOf = (customer: string): { subject?: string } => (customer === '' ? {} : { subject: `account:${customer}` });

const lineOf = ({ number, sku, description, price }: Row): object => ({ lineId: String(number), sku, ...(description !== '' && { name: description }), unitPrice: price });

/** Quantity × price in pence, rounded half-even. */
export const amountMinor = ({ quantity, price }: Row): number => lineTotalMinor(quantity, price, CURRENCY);
