import { Controller } from '@nestjs/common';

import { streams, type OrderObserved, type ShipmentObserved } from '@yunke/contracts';
import { On, say, type Batch, type Heard } from '@yunke/events';
import { millis } from '@yunke/kernel';
import type { Tx } from '@yunke/postgres';

import { observe, observeShipment, type Order } from './order.js';
import { lockMany } from './order.store.js';
import { OrdersConfig } from '../orders.config.js';
import { hear, keep } from './time.handlers.js';

@Controller()
export class OrderHandlers {
  constructor(private readonly config: OrdersConfig) {}

  @On(streams.orderObservations)
  async heard(batch: Batch<typeof streams.orderObservations>, tx: Tx): Promise<void> {
    const locked = await lockMany(tx, batch.keys());
    const { states, facts } = batch.fold(locked.orders, (order, record) => this.#step(order, record));
    await keep(tx, locked, states, { limits: this.config.stageLimits });
    say(tx, facts);
  }

  #step(order: Order, { type, body, id, acceptedAt }: Heard<{ OrderObserved: OrderObserved; ShipmentObserved: ShipmentObserved }>): ReturnType<typeof hear> {
    const because = { id, acceptedAt, history: body.history, occurredAt: millis(body.occurredAt) };
    return hear(order, (now) => (type === 'OrderObserved' ? observe(now, body) : observeShipment(now, body)), because, this.config.stageLimits);
  }
}
