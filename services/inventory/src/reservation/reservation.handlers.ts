import { Controller } from '@nestjs/common';

import { streams, type ReservationAsked } from '@yunke/contracts';
import { On, type Batch } from '@yunke/events';
import type { Tx } from '@yunke/postgres';
import { OnTimer, arm, type Due } from '@yunke/timers';

import type { Because } from '../stock/level.js';
import { settle } from '../stock/settle.handlers.js';
import { openStock } from '../stock/stock.store.js';
import { answer, type Ask, type Reservation } from './reservation.js';
import { findMany, saveReservations, skusWaitingBeside } from './reservation.store.js';

/** What orders ask, answered by number. */
@Controller()
export class ReservationHandlers {
  @On(streams.ordersLines)
  async heard(batch: Batch<typeof streams.ordersLines>, tx: Tx): Promise<void> {
    const asks = batch.records.flatMap((record) => (record.type === 'ReservationAsked' ? [{ ask: askOf(record.body), because: becauseOf(record) }] : []));
    if (asks.length === 0) return;
    const orderIds = [...new Set(asks.map(({ ask }) => ask.orderId))];
    const known = await findMany(tx, orderIds);
    const skus = [...new Set([...asks.flatMap(({ ask }) => ask.lines), ...known.flatMap(({ lines }) => lines)].map(({ sku }) => sku))];
    const stock = await openStock(tx, [...skus, ...(known.length > 0 ? await skusWaitingBeside(tx, skus) : [])]);
    const now = new Map((await findMany(tx, known.map(({ orderId }) => orderId))).map((one): [string, Reservation] => [one.orderId, one]));
    const changed = new Map<string, Reservation>();
    for (const { ask, because } of asks) {
      const held = now.get(ask.orderId);
      const after = answer(stock, held, ask, because)!;
      if (after === held) continue;
      now.set(ask.orderId, after);
      changed.set(ask.orderId, after);
    }
    await saveReservations(tx, [...changed.values()]);
    await settle(tx, stock);
  }

  @OnTimer('restock')
  async due({ keys, until }: Due, tx: Tx): Promise<void> {
    const stock = await openStock(tx, [...keys, ...await skusWaitingBeside(tx, keys)]);
    const because: Because = { cause: `timer:restock:${until}`, acceptedAt: until, effectiveAt: until, reason: 'time' };
    await arm(tx, 'restock', keys.map((key) => ({ key, dueAt: undefined })));
    await settle(tx, stock, new Map(keys.map((sku) => [sku, because])));
  }
}

type Asked = { readonly id: string; readonly acceptedAt: number; readonly body: ReservationAsked; readonly traceparent?: string };

const becauseOf = ({ id, acceptedAt, body, traceparent }: Asked): Because => ({ cause: id, acceptedAt, effectiveAt: acceptedAt, reason: body.reason, ...(traceparent && { traceparent }) });

const askOf = ({ orderId, ask, wants, because, lines }: ReservationAsked): Ask => ({ orderId, ask: Number(ask), wants, because, lines: lines.map(({ sku, quantity }) => ({ sku, quantity: Number(quantity) })) });
