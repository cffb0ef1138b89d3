import { Controller } from '@nestjs/common';

import { streams } from '@yunke/contracts';
import { On, causedBy, say, type Batch, type CausedFact } from '@yunke/events';
import { millis } from '@yunke/kernel';
import type { Tx } from '@yunke/postgres';

import type { Because } from '../order/order-change.js';
import { withReturn, type Order } from '../order/order.js';
import * as orders from '../order/order.store.js';
import { hear, keep } from '../order/time.handlers.js';
import { OrdersConfig } from '../orders.config.js';
import { forOrder, observe, record, valuesOf, type Return } from './return.js';
import { lockMany, saveMany } from './return.store.js';

type Returns = Batch<typeof streams.returnObservations>;
type Moved = { readonly before: Return; readonly after: Return };

@Controller()
export class ReturnHandlers {
  constructor(private readonly config: OrdersConfig) {}

  @On(streams.returnObservations)
  async heard(batch: Returns, tx: Tx): Promise<void> {
    const locked = await lockMany(tx, batch.keys());
    const moved: Moved[] = [];
    const { states, facts } = batch.fold(locked.returns, (before, { body, id, acceptedAt }) => {
      const after = observe(before, body);
      moved.push({ before, after });
      return record(before, after, { id, acceptedAt, history: body.history, occurredAt: millis(body.occurredAt) });
    });
    await saveMany(tx, locked, states);
    say(tx, facts);
    say(tx, await this.#tellOrders(tx, batch, moved));
  }

  /**
   * A return that points at an order changes that order; one that points elsewhere now is taken away from where it pointed. An order is
   * there once anything named it, also what came late and points there no more: else it would depend on who was heard first.
   */
  async #tellOrders(tx: Tx, batch: Returns, moved: readonly Moved[]): Promise<CausedFact[]> {
    const pointing = moved.map(({ before, after }, index) => ({ was: valuesOf(before).orderId, is: valuesOf(after).orderId, named: batch.records[index]!.body.orderId, after }));
    const ids = pointing.flatMap(({ was, is, named }) => [was, is, named]).filter((id) => id !== undefined);
    if (ids.length === 0) return [];
    const locked = await orders.lockMany(tx, [...new Set(ids)]);
    const now = new Map<string, Order>();
    const facts = batch.records.flatMap((record, index): CausedFact[] => {
      const { was, is, named, after } = pointing[index]!;
      const because: Because = { id: record.id, acceptedAt: record.acceptedAt, history: record.body.history, occurredAt: millis(record.body.occurredAt) };
      return [...new Set([was, is, named])].flatMap((orderId): CausedFact[] => {
        if (orderId === undefined) return [];
        const order = now.get(orderId) ?? locked.orders.get(orderId)!;
        const result = hear(order, (known) => withReturn(known, after.id, orderId === is ? forOrder(after) : undefined), because, this.config.stageLimits);
        now.set(orderId, result.state);
        return causedBy(record, result.facts);
      });
    });
    await keep(tx, locked, [...now.values()], { limits: this.config.stageLimits });
    return facts;
  }
}
