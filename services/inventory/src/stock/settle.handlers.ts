import { say } from '@yunke/events';
import { sorted, type Tx } from '@yunke/postgres';
import { arm } from '@yunke/timers';

import { watch, type Watching } from '../alert/watch.handlers.js';
import { allocate, reserve, type Reservation } from '../reservation/reservation.js';
import { fulfillable, saveReservations, waitingWithOthers } from '../reservation/reservation.store.js';
import type { Because } from './level.js';
import type { StockChunk } from './stock-chunk.js';
import { saveStock } from './stock.store.js';

const BACKORDERS_AT_ONCE = 200;

export type Settling = Watching & { /** SKUs to look at beside those of which more became available. */ readonly risen?: ReadonlyMap<string, Because> };

/** What every change of stock ends with: those who wait are answered anew, levels are judged, the rows are written, the facts are said. */
export async function settle(tx: Tx, stock: StockChunk, settling: Settling = {}): Promise<void> {
  await restock(tx, stock, new Map([...settling.risen ?? [], ...stock.takeRisen()]));
  await watch(tx, stock, settling);
  stock.tellHistory();
  await saveStock(tx, stock);
  say(tx, stock.facts);
}

/** Answers backorders anew, the oldest first: each that suffices, so that none waits while there is enough for it. */
async function restock(tx: Tx, stock: StockChunk, risen: ReadonlyMap<string, Because>): Promise<void> {
  const skus = sorted([...risen.keys()].filter((sku) => stock.available(sku) > 0));
  if (skus.length === 0) return;
  const locked = stock.skuNames();
  const waiting = await fulfillable(tx, skus, locked.map((sku) => ({ sku, units: stock.available(sku) })), BACKORDERS_AT_ONCE);
  const served: Reservation[] = [];
  for (const reservation of waiting) {
    if (!allocate(reservation.lines, (sku) => stock.availability(sku))) continue;
    served.push(reserve(stock, reservation, risen.get(reservation.lines.find(({ sku }) => risen.has(sku))!.sku)!));
  }
  await saveReservations(tx, served);
  const rest = waiting.length === BACKORDERS_AT_ONCE ? skus : await waitingWithOthers(tx, skus, locked);
  await arm(tx, 'restock', rest.map((sku) => ({ key: sku, dueAt: risen.get(sku)!.acceptedAt })));
}
