import type { Db } from '@yunke/postgres';

/** A source and whether its shipped orders move stock, out of which warehouse. */
export type StockSource = { readonly source: string; readonly fromOrders: boolean; readonly warehouse: string };

const COLUMNS = 'source, from_orders as "fromOrders", warehouse';

export const listSources = (db: Db): Promise<StockSource[]> => db.query<StockSource>(`select ${COLUMNS} from stock_sources order by source`);

export async function saveSource(db: Db, { source, fromOrders, warehouse }: StockSource): Promise<StockSource> {
  const [row] = await db.query<StockSource>(
    `insert into stock_sources (source, from_orders, warehouse) values ($1, $2, $3)
     on conflict (source) do update set from_orders = excluded.from_orders, warehouse = excluded.warehouse returning ${COLUMNS}`, [source, fromOrders, warehouse]);
  return row!;
}
