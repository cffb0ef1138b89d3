import { Controller } from '@nestjs/common';

import { streams, type OrderObserved, type ShipmentObserved } from '@yunke/contracts';
import { On, say, type Batch, type Heard } from '@yunke/events';
import { millis } from '@yunke/kernel';
import type { Tx } from '@yunke/postgres';

import { changes } from './order-change.js';
import { observe, observeShipment, type Order } from './order.js';
import { lockMany } from './order.store.js';
import { keep, lapse } from './reservation.handlers.js';

@Controller()
export class OrderHandlers {
  @On(streams.orderObservations)
  async heard(batch: Batch<typeof streams.orderObservations>, tx: Tx): Promise<void> {
    const locked = await lockMany(tx, batch.keys());
    const { states, facts } = batch.fold(locked.orders, step);
    await keep(tx, locked, states);
    say(tx, facts);
  }
}

/** What time alone had changed before the observation comes first. */
function step(held: Order, { type, body, id, acceptedAt }: Heard<{ OrderObserved: OrderObserved; ShipmentObserved: ShipmentObserved }>): ReturnType<typeof changes> {
  const { state: order, facts } = lapse(held, acceptedAt);
  const after = type === 'OrderObserved' ? observe(order, body) : observeShipment(order, body);
  const changed = changes(order, after, { id, acceptedAt, history: body.history, occurredAt: millis(body.occurredAt) });
  return { state: changed.state, facts: [...facts, ...changed.facts] };
}
