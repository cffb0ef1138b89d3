import type { Row } from './rows.js';

/** All lines of one invoice number, in the order of the file. */
export type Invoice = { readonly id: string; readonly rows: readonly Row[] };

export type Kind = 'order' | 'return' | 'ledger';

/** What kind of paper it is: C… takes goods back, A… corrects the ledger, any other number sells. */
export const kindOf = ({ id }: Invoice): Kind => (id.startsWith('C') ? 'return' : id.startsWith('A') ? 'ledger' : 'order');

/** When it was written: at its first line's time, in London. */
export const timeOf = ({ rows }: Invoice): string => rows[0]!.time;

/** Whose it is: the first customer that one of its lines names, or nobody. */
export const customerOf = ({ rows }: Invoice): string => rows.find(({ customer }) => customer !== '')?.customer ?? '';

/** A line that sells nothing: stock that was written off or found wrong. */
export const isAdjustment = ({ quantity }: Row): boolean => quantity < 0;

/** How many lines there are, and where each invoice ends: lines of two invoices may stand among each other. */
export type Outline = { readonly lines: number; readonly lastLine: ReadonlyMap<string, number> };

export async function outline(rows: AsyncIterable<Row>): Promise<Outline> {
  const lastLine = new Map<string, number>();
  let lines = 0;
  for await (const { invoice, number } of rows) {
    lastLine.set(invoice, number);
    lines = number;
  }
  return { lines, lastLine };
}

/** The invoices, each with all its lines, in the order in which they begin: one that is complete waits for those that began before it. */
export async function* invoices(rows: AsyncIterable<Row>, { lastLine }: Outline): AsyncGenerator<Invoice> {
  const open = new Map<string, { id: string; rows: Row[]; isComplete: boolean }>();
  for await (const row of rows) {
    let invoice = open.get(row.invoice);
    if (!invoice) open.set(row.invoice, (invoice = { id: row.invoice, rows: [], isComplete: false }));
    invoice.rows.push(row);
    if (lastLine.get(row.invoice) !== row.number) continue;
    invoice.isComplete = true;
    for (const first of open.values()) {
      if (!first.isComplete) break;
      open.delete(first.id);
      yield first;
    }
  }
  if (open.size > 0) throw new Error('The file changed while it was read.');
}
