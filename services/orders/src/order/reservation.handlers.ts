import { Controller } from '@nestjs/common';

import { streams, type Fact } from '@yunke/contracts';
import { On, say, type Batch, type CausedFact, type Heard, type MessagesOf } from '@yunke/events';
import { millis, type Millis } from '@yunke/kernel';
import type { Tx } from '@yunke/postgres';
import { OnTimer, arm, causeOf, type Due } from '@yunke/timers';

import { OrdersConfig } from '../orders.config.js';
import { changes } from './order-change.js';
import type { Order } from './order.js';
import { lockMany, saveMany, type Locked } from './order.store.js';
import { answered, lapsed, type Answer } from './saga.js';

type Answers = typeof streams.inventoryReservations;

const ANSWERS = { StockReserved: 'reserved', StockBackordered: 'backordered', StockLost: 'lost', StockReleased: 'ended', StockConsumed: 'ended' } as const satisfies Record<keyof MessagesOf<Answers>, Answer['answer']>;

/** The saga with inventory: its answers, and the end of a reservation that nobody used. */
@Controller()
export class ReservationHandlers {
  constructor(private readonly config: OrdersConfig) {}

  @On(streams.inventoryReservations)
  async heard(batch: Batch<Answers>, tx: Tx): Promise<void> {
    const locked = await lockMany(tx, batch.keys());
    const { states, facts } = batch.fold(locked.orders, (order, record) => this.#answer(order, record));
    await keep(tx, locked, states);
    say(tx, facts);
  }

  @OnTimer('lapse')
  async due({ keys, until }: Due, tx: Tx): Promise<void> {
    const locked = await lockMany(tx, keys);
    const states: Order[] = [];
    for (const order of locked.orders.values()) {
      const { state, facts } = lapse(order, until);
      states.push(state);
      say(tx, facts);
    }
    await keep(tx, locked, states, keys);
  }

  #answer(order: Order, { type, id, acceptedAt, body }: Heard<MessagesOf<Answers>>): { state: Order; facts: Fact[] } {
    const effectiveAt = millis(body.effectiveAt);
    const before = lapse(order, acceptedAt);
    const saga = answered(before.state.saga, { ask: Number(body.ask), answer: ANSWERS[type], effectiveAt, acceptedAt }, this.config.holdMs);
    if (!saga || saga === before.state.saga) return before;
    const after = changes(before.state, { ...before.state, saga }, { id, history: body.reason === 'history', occurredAt: effectiveAt, acceptedAt, reason: body.reason });
    return { state: after.state, facts: [...before.facts, ...after.facts] };
  }
}

/** The order as time alone has changed it up to `until`, with what that says. */
export function lapse(order: Order, until: Millis): { state: Order; facts: CausedFact[] } {
  const dueAt = order.saga?.lapsesAt;
  const saga = lapsed(order.saga, until);
  if (dueAt === undefined || !saga || saga === order.saga) return { state: order, facts: [] };
  const cause = causeOf('lapse', order.id, dueAt, saga.ask);
  const { state, facts } = changes(order, { ...order, saga }, { id: cause, history: false, occurredAt: dueAt, acceptedAt: dueAt, reason: 'time' });
  return { state, facts: facts.map((fact) => ({ ...fact, cause })) };
}

/** Saves orders and keeps their timers in step with them. `fired`: keys whose timer is being handled. */
export async function keep(tx: Tx, locked: Locked, states: readonly Order[], fired: readonly string[] = []): Promise<void> {
  await saveMany(tx, locked, states);
  const moved = states.filter(({ id, saga }) => saga?.lapsesAt !== locked.orders.get(id)!.saga?.lapsesAt || fired.includes(id));
  await arm(tx, 'lapse', moved.map(({ id, saga }) => ({ key: id, dueAt: saga?.lapsesAt })));
}
