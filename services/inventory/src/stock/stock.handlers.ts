import { Controller } from '@nestjs/common';

import { streams, type StockObserved } from '@yunke/contracts';
import { On, type Batch } from '@yunke/events';
import { millis, reasonOf } from '@yunke/kernel';
import type { Tx } from '@yunke/postgres';

import { skusWaitingBeside } from '../reservation/reservation.store.js';
import type { Entry } from './book.js';
import { openBooks, saveBooks } from './ledger.store.js';
import { settle } from './settle.handlers.js';
import { shelfKey } from './stock-chunk.js';
import { openStock } from './stock.store.js';

@Controller()
export class StockHandlers {
  @On(streams.stockObservations)
  async heard(batch: Batch<typeof streams.stockObservations>, tx: Tx): Promise<void> {
    const skus = batch.keys();
    const stock = await openStock(tx, [...skus, ...await skusWaitingBeside(tx, skus)]);
    const told = batch.records.map(({ body }) => ({ sku: body.sku, warehouse: body.warehouse, entry: entryOf(body) }));
    const books = await openBooks(tx, told, ({ sku, warehouse }) => stock.level(sku, warehouse).book);
    for (const [index, { id, acceptedAt, traceparent, body }] of batch.records.entries()) {
      const { sku, warehouse, entry } = told[index]!;
      const { open } = books.get(shelfKey({ sku, warehouse }))!;
      open.enter(entry);
      const reason = reasonOf({ history: body.history, acceptedAt }, entry.occurredAt);
      stock.put({ ...stock.level(sku, warehouse), book: open.book }, { cause: id, acceptedAt, effectiveAt: entry.occurredAt, reason, ...(traceparent && { traceparent }) });
    }
    await saveBooks(tx, books.values());
    await settle(tx, stock);
  }
}

function entryOf(seen: StockObserved): Entry {
  const occurredAt = millis(seen.occurredAt);
  return {
    movementId: seen.movementId, source: seen.source, kind: seen.kind, quantity: Number(seen.quantity), occurredAt,
    place: [Number(seen.version ?? occurredAt), millis(seen.acceptedAt), seen.messageId],
    ...(seen.reason !== undefined && { note: seen.reason }), ...(seen.expectedAt !== undefined && { expectedAt: millis(seen.expectedAt) }),
  };
}
