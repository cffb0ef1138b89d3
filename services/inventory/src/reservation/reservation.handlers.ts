import { Controller } from '@nestjs/common';

import { streams, type OrderLinesRecorded, type ReservationAsked } from '@yunke/contracts';
import { On, type Batch } from '@yunke/events';
import type { Tx } from '@yunke/postgres';
import { OnTimer, arm, type Due } from '@yunke/timers';

import { recordDemand, type Movements } from '../demand/demand.handlers.js';
import { shippingSources, skusBooked } from '../demand/demand.store.js';
import { openBooks, saveBooks } from '../stock/ledger.store.js';
import type { Because } from '../stock/level.js';
import { settle } from '../stock/settle.handlers.js';
import { shelfKey, type StockChunk } from '../stock/stock-chunk.js';
import { openStock } from '../stock/stock.store.js';
import { answer, type Ask, type Reservation } from './reservation.js';
import { findMany, saveReservations, skusWaitingBeside } from './reservation.store.js';

type Lines = Batch<typeof streams.ordersLines>;

/** What orders mean for stock: demand, units that left the shop, and asks, answered by number. */
@Controller()
export class ReservationHandlers {
  @On(streams.ordersLines)
  async heard(batch: Lines, tx: Tx): Promise<void> {
    const sources = await shippingSources(tx);
    const moving = batch.records.flatMap((record) => (record.type === 'ReservationAsked' || (record.body.shippedAt !== undefined && sources.has(sourceOf(record.body))) ? [record] : []));
    if (moving.length === 0) return void await recordDemand(tx, batch, { sources, held: new Map() });
    const orderIds = [...new Set(moving.map(({ key }) => key))];
    const known = await findMany(tx, orderIds);
    const shipped = moving.flatMap(({ type, key }) => (type === 'OrderLinesRecorded' ? [key] : []));
    const booked = await skusBooked(tx, shipped); // also what an order is said to hold no more: it goes back
    const skus = [...new Set([...[...moving.flatMap(({ body }) => body.lines), ...known.flatMap(({ lines }) => lines)].map(({ sku }) => sku), ...booked])];
    const stock = await openStock(tx, [...skus, ...(known.length > 0 ? await skusWaitingBeside(tx, skus) : [])]);
    const held = new Map((await findMany(tx, known.map(({ orderId }) => orderId))).map((one): [string, Reservation] => [one.orderId, one]));
    const movements = await recordDemand(tx, batch, { sources, held });
    await this.#apply(tx, stock, { batch, held, movements });
    await settle(tx, stock);
  }

  @OnTimer('restock')
  async due({ keys, until }: Due, tx: Tx): Promise<void> {
    const stock = await openStock(tx, [...keys, ...await skusWaitingBeside(tx, keys)]);
    const because: Because = { cause: `timer:restock:${until}`, acceptedAt: until, effectiveAt: until, reason: 'time' };
    await arm(tx, 'restock', keys.map((key) => ({ key, dueAt: undefined })));
    await settle(tx, stock, { risen: new Map(keys.map((sku) => [sku, because])) });
  }

  /** Record by record, as orders said them: what left the shop, and what is asked. */
  async #apply(tx: Tx, stock: StockChunk, { batch, held, movements }: { batch: Lines; held: Map<string, Reservation>; movements: Movements }): Promise<void> {
    const books = await openBooks(tx, [...movements.values()].flat(), ({ sku, warehouse }) => stock.level(sku, warehouse).book);
    const changed = new Map<string, Reservation>();
    for (const record of batch.records) {
      const because = becauseOf(record);
      for (const { sku, warehouse, entry } of movements.get(record.id) ?? []) {
        const { open } = books.get(shelfKey({ sku, warehouse }))!;
        open.enter(entry);
        stock.put({ ...stock.level(sku, warehouse), book: open.book }, { ...because, effectiveAt: entry.occurredAt });
      }
      if (record.type !== 'ReservationAsked') continue;
      const after = answer(stock, held.get(record.key), askOf(record.body), because)!;
      if (after === held.get(record.key)) continue;
      held.set(record.key, after);
      changed.set(record.key, after);
    }
    await saveBooks(tx, books.values());
    await saveReservations(tx, [...changed.values()]);
  }
}

const sourceOf = ({ orderId }: { readonly orderId: string }): string => orderId.slice(0, orderId.indexOf(':'));

type Said = { readonly id: string; readonly acceptedAt: number; readonly body: ReservationAsked | OrderLinesRecorded; readonly traceparent?: string };

const becauseOf = ({ id, acceptedAt, body, traceparent }: Said): Because => ({ cause: id, acceptedAt, effectiveAt: acceptedAt, reason: body.reason, ...(traceparent && { traceparent }) });

const askOf = ({ orderId, ask, wants, because, lines }: ReservationAsked): Ask => ({ orderId, ask: Number(ask), wants, because, lines: lines.map(({ sku, quantity }) => ({ sku, quantity: Number(quantity) })) });
