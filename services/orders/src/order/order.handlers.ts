import { Controller } from '@nestjs/common';

import { streams, type OrderObserved, type ShipmentObserved } from '@yunke/contracts';
import { On, say, type Batch, type Heard } from '@yunke/events';
import { millis } from '@yunke/kernel';
import type { Tx } from '@yunke/postgres';

import { changes } from './order-change.js';
import { observe, observeShipment, type Order } from './order.js';
import { lockMany, saveMany } from './order.store.js';

@Controller()
export class OrderHandlers {
  @On(streams.orderObservations)
  async heard(batch: Batch<typeof streams.orderObservations>, tx: Tx): Promise<void> {
    const locked = await lockMany(tx, batch.keys());
    const { states, facts } = batch.fold(locked.orders, step);
    await saveMany(tx, locked, states);
    say(tx, facts);
  }
}

function step(order: Order, { type, body, id, acceptedAt }: Heard<{ OrderObserved: OrderObserved; ShipmentObserved: ShipmentObserved }>): ReturnType<typeof changes> {
  const after = type === 'OrderObserved' ? observe(order, body) : observeShipment(order, body);
  return changes(order, after, { id, acceptedAt, history: body.history, occurredAt: millis(body.occurredAt) });
}
