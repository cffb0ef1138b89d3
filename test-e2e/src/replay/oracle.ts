import { Client } from 'pg';

import { copyFile } from './oracle-copy.js';

/** What plain SQL says of one customer. Times in milliseconds, money in pence; nobody's times when there is no order. */
export type Expected = { readonly customer: string; readonly orders: number; readonly revenueMinor: number; readonly firstOrderAt: number | null; readonly lastOrderAt: number | null };

/** The classes of the file, by the names that tally.ts has for them. */
export type ExpectedCounts = {
  readonly lines: number; readonly invoices: number; readonly customers: number; readonly orders: number; readonly returns: number; readonly stockAdjustments: number;
  readonly ledgerAdjustments: number; readonly linesWithoutCustomer: number; readonly ordersWithoutCustomer: number; readonly returnsWithoutCustomer: number;
  readonly negativePrices: number; readonly tenthOfAPennyPrices: number; readonly orderedMinor: number; readonly returnedMinor: number;
};

/** What is on hand of a stock code, which the file never fills up: nothing came in, and what came back is not counted. */
export type ExpectedStock = { readonly sku: string; readonly onHand: number };

export type Oracle = { readonly customers: readonly Expected[]; readonly counts: ExpectedCounts; readonly stock: readonly ExpectedStock[] };

/** The file as it is: columns of text, numbered in its order. The header must name exactly these. */
const LINES = `
  create temp table line (
    n bigint generated always as identity,
    "InvoiceNo" text, "StockCode" text, "Description" text, "Quantity" text, "InvoiceDate" text, "UnitPrice" text, "CustomerID" text, "Country" text)`;

const COPY = `copy line ("InvoiceNo", "StockCode", "Description", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID", "Country")
  from stdin with (format csv, header match, null '', encoding 'UTF8')`;

/** round() on numeric takes halves away from zero, so half-even is written out: up when more than half, or when half and the pence are odd. */
const AMOUNTS = `
  create temp table amount as
  select n, "InvoiceNo" as invoice, quantity, nullif(regexp_replace("CustomerID", '\\.0$', ''), '') as customer, price,
    "InvoiceDate"::timestamp at time zone 'Europe/London' as at,
    case when abs(pence - trunc(pence)) > 0.5 or (abs(pence - trunc(pence)) = 0.5 and trunc(pence) % 2 <> 0) then trunc(pence) + sign(pence) else trunc(pence) end as minor
  from line, lateral (select "Quantity"::numeric as quantity, "UnitPrice"::numeric as price, "Quantity"::numeric * "UnitPrice"::numeric * 100 as pence) as amounts`;

/** An invoice has its first line's time, and the first customer that is named on it. */
const INVOICES = `
  create temp table invoice as
  select invoice, case left(invoice, 1) when 'C' then 'return' when 'A' then 'ledger' else 'sale' end as kind,
    (array_agg(at order by n))[1] as at, (array_agg(customer order by n) filter (where customer is not null))[1] as customer,
    count(*) filter (where quantity >= 0) as sold, coalesce(sum(minor) filter (where quantity >= 0), 0) as sold_minor, sum(abs(minor)) as back_minor
  from amount group by invoice`;

const CUSTOMERS = `
  select customer, count(*) filter (where is_order)::float8 as orders,
    (coalesce(sum(sold_minor) filter (where is_order), 0) - coalesce(sum(back_minor) filter (where kind = 'return'), 0))::float8 as "revenueMinor",
    (extract(epoch from min(at) filter (where is_order)) * 1000)::float8 as "firstOrderAt",
    (extract(epoch from max(at) filter (where is_order)) * 1000)::float8 as "lastOrderAt"
  from (select *, kind = 'sale' and sold > 0 as is_order from invoice) as papers
  where customer is not null and (is_order or kind = 'return') group by customer order by customer`;

const COUNTS = `
  select invoices.*, lines.* from
    (select count(*)::float8 as invoices, count(*) filter (where is_order)::float8 as orders, count(*) filter (where kind = 'return')::float8 as returns,
       count(*) filter (where kind = 'ledger')::float8 as "ledgerAdjustments",
       count(*) filter (where is_order and customer is null)::float8 as "ordersWithoutCustomer", count(*) filter (where kind = 'return' and customer is null)::float8 as "returnsWithoutCustomer",
       coalesce(sum(sold_minor) filter (where is_order), 0)::float8 as "orderedMinor", coalesce(sum(back_minor) filter (where kind = 'return'), 0)::float8 as "returnedMinor"
     from (select *, kind = 'sale' and sold > 0 as is_order from invoice) as papers) as invoices,
    (select count(*)::float8 as lines, count(distinct customer)::float8 as customers, count(*) filter (where customer is null)::float8 as "linesWithoutCustomer",
       count(*) filter (where quantity < 0 and invoice !~ '^[CA]')::float8 as "stockAdjustments",
       count(*) filter (where price < 0)::float8 as "negativePrices", count(*) filter (where price <> trunc(price, 2))::float8 as "tenthOfAPennyPrices"
     from amount) as lines`;

/** What was sold left the shop, and a line of negative quantity on an invoice is an adjustment: both lower the level. */
const STOCK = `
  select "StockCode" as sku, -sum(abs("Quantity"::numeric))::float8 as "onHand" from line
  where left("InvoiceNo", 1) not in ('C', 'A') group by 1 having sum(abs("Quantity"::numeric)) > 0 order by 1`;

/**
 * What the platform should say of every customer, computed once more from the file in plain SQL. Shares no code with the
 * platform or the sender. It works in temporary tables: the database is afterwards as it was.
 */
export async function consult(file: string, database: string): Promise<Oracle> {
  const client = new Client({ connectionString: database });
  await client.connect();
  try {
    await client.query(LINES);
    await copyFile(client, COPY, file);
    await client.query(AMOUNTS);
    await client.query(INVOICES);
    const { rows: customers } = await client.query<Expected>(CUSTOMERS);
    const { rows: [counts] } = await client.query<ExpectedCounts>(COUNTS);
    const { rows: stock } = await client.query<ExpectedStock>(STOCK);
    return { customers, counts: counts!, stock };
  } finally {
    await client.end();
  }
}
