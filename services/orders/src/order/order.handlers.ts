import { Controller } from '@nestjs/common';

import { streams, type OrderObserved, type ShipmentObserved } from '@yunke/contracts';
import { On, say, type Batch, type Heard } from '@yunke/events';
import { millis, reasonOf } from '@yunke/kernel';
import type { Tx } from '@yunke/postgres';

import { changes } from './order-change.js';
import { observe, observeShipment, type Order } from './order.js';
import { lockMany } from './order.store.js';
import { miss } from './deadline.js';
import { OrdersConfig } from '../orders.config.js';
import { elapse, keep } from './time.handlers.js';

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

  /** What time alone had changed before the observation comes first; what the observation shows to have been missed comes last. */
  #step(held: Order, { type, body, id, acceptedAt }: Heard<{ OrderObserved: OrderObserved; ShipmentObserved: ShipmentObserved }>): ReturnType<typeof changes> {
    const { stageLimits: limits } = this.config;
    const { state: order, facts } = elapse(held, acceptedAt, limits);
    const after = type === 'OrderObserved' ? observe(order, body) : observeShipment(order, body);
    const changed = changes(order, after, { id, acceptedAt, history: body.history, occurredAt: millis(body.occurredAt) });
    const missed = miss(changed.state, acceptedAt, { limits, causeOf: () => id, revealed: { id, acceptedAt, reasonAt: (effectiveAt) => reasonOf({ history: body.history, acceptedAt }, effectiveAt) } });
    return { state: missed.state, facts: [...facts, ...changed.facts, ...missed.facts] };
  }
}
