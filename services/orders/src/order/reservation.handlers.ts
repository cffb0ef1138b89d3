import { Controller } from '@nestjs/common';

import { streams, type Fact } from '@yunke/contracts';
import { On, say, type Batch, type Heard, type MessagesOf } from '@yunke/events';
import { millis, reasonOf, type Millis } from '@yunke/kernel';
import type { Tx } from '@yunke/postgres';

import { OrdersConfig } from '../orders.config.js';
import { miss } from './deadline.js';
import { changes } from './order-change.js';
import type { Order } from './order.js';
import { lockMany } from './order.store.js';
import { elapse, keep } from './time.handlers.js';
import { answered, type Answer } from './saga.js';

type Answers = typeof streams.inventoryReservations;

const ANSWERS = { StockReserved: 'reserved', StockBackordered: 'backordered', StockLost: 'lost', StockReleased: 'ended', StockConsumed: 'ended' } as const satisfies Record<keyof MessagesOf<Answers>, Answer['answer']>;

/** The saga with inventory: its answers. */
@Controller()
export class ReservationHandlers {
  constructor(private readonly config: OrdersConfig) {}

  @On(streams.inventoryReservations)
  async heard(batch: Batch<Answers>, tx: Tx): Promise<void> {
    const locked = await lockMany(tx, batch.keys());
    const { states, facts } = batch.fold(locked.orders, (order, record) => this.#answer(order, record));
    await keep(tx, locked, states, { limits: this.config.stageLimits });
    say(tx, facts);
  }

  #answer(order: Order, { type, id, acceptedAt, body }: Heard<MessagesOf<Answers>>): { state: Order; facts: Fact[] } {
    const effectiveAt = millis(body.effectiveAt);
    const before = elapse(order, acceptedAt, this.config.stageLimits);
    const saga = answered(before.state.saga, { ask: Number(body.ask), answer: ANSWERS[type], effectiveAt, acceptedAt }, this.config.holdMs);
    if (!saga || saga === before.state.saga) return before;
    const after = changes(before.state, { ...before.state, saga }, { id, history: body.reason === 'history', occurredAt: effectiveAt, acceptedAt, reason: body.reason });
    const revealed = { id, acceptedAt, reasonAt: (at: Millis) => reasonOf({ history: body.reason === 'history', acceptedAt }, at) };
    const missed = miss(after.state, acceptedAt, { limits: this.config.stageLimits, causeOf: () => id, revealed });
    return { state: missed.state, facts: [...before.facts, ...after.facts, ...missed.facts] };
  }
}
