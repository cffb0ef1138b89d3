import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream';
import { createGunzip } from 'node:zlib';

import { parse } from 'csv-parse';

/** One line of an invoice. `number` counts from 1, without the header; `time` is local time in London; `customer` is empty for nobody. */
export type Row = {
  readonly number: number;
  readonly invoice: string;
  readonly sku: string;
  readonly description: string;
  readonly quantity: number;
  readonly time: string;
  /** A decimal number of pounds, as the file has it. */
  readonly price: string;
  readonly customer: string;
  readonly country: string;
};

const HEADER = 'InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country';
const INTEGER = /^-?\d{1,15}$/;
const DECIMAL = /^-?\d{1,15}(\.\d{1,10})?$/;

/** The lines of a gzipped Online Retail file, one after the other. @throws Error that names the line which is not one */
export async function* readRows(file: string): AsyncGenerator<Row> {
  const parser = parse({ bom: true });
  pipeline(createReadStream(file), createGunzip(), parser, () => undefined); // a failure ends the parser, and so reaches this loop
  let number = 0;
  for await (const cells of parser as AsyncIterable<string[]>) {
    if (number > 0) yield rowOf(number, cells);
    else if (cells.join(',') !== HEADER) throw new Error(`${file} is not an Online Retail file: its first line should be ${HEADER}`);
    number += 1;
  }
}

function rowOf(number: number, cells: readonly string[]): Row {
  const [invoice, sku, description, quantity, time, price, customer, country] = cells as [string, string, string, string, string, string, string, string];
  if (!invoice || !sku || !INTEGER.test(quantity) || !DECIMAL.test(price)) throw new Error(`Line ${number} of the file is no invoice line: ${cells.join(',')}`);
  return { number, invoice, sku, description, quantity: Number(quantity), time, price, customer: customer.replace(/\.0$/, ''), country };
}
