import { Controller } from '@nestjs/common';

import type { Fact } from '@yunke/contracts';
import { say, type CausedFact } from '@yunke/events';
import { reasonOf, type Millis } from '@yunke/kernel';
import type { Tx } from '@yunke/postgres';
import { OnTimer, arm, causeOf, type Due } from '@yunke/timers';

import { OrdersConfig } from '../orders.config.js';
import { miss, nextDeadline, type StageLimits } from './deadline.js';
import { changes, type Because } from './order-change.js';
import type { Order } from './order.js';
import { lockMany, saveMany, type Locked } from './order.store.js';
import { lapsed } from './saga.js';

/** What time alone does to an order: a reservation that nobody used ends, a promise or a service level is missed. */
@Controller()
export class TimeHandlers {
  constructor(private readonly config: OrdersConfig) {}

  @OnTimer('order')
  async due({ keys, until }: Due, tx: Tx): Promise<void> {
    const locked = await lockMany(tx, keys);
    const states: Order[] = [];
    for (const order of locked.orders.values()) {
      const { state, facts } = elapse(order, until, this.config.stageLimits);
      states.push(state);
      say(tx, facts);
    }
    await keep(tx, locked, states, { limits: this.config.stageLimits, fired: keys });
  }
}

type Passed = { state: Order; facts: CausedFact[] };

/** The order as time alone has changed it up to `until`, each thing at its instant and in their order, with what that says. */
export function elapse(order: Order, until: Millis, limits: StageLimits): Passed {
  const facts: CausedFact[] = [];
  let now = order;
  for (let at = dueAt(now, limits); at !== undefined && at <= until; at = dueAt(now, limits)) {
    const ended = lapse(now, at);
    const late = miss(ended.state, at, { limits, causeOf: (missedAt, seq) => causeOf('deadline', order.id, missedAt, seq) });
    facts.push(...ended.facts, ...late.facts);
    now = late.state;
  }
  return { state: now, facts };
}

/**
 * The order after something was heard of it, which `observe` gives: what time alone had changed before comes first, what the news shows to
 * have been missed comes last. So nothing depends on when a timer gets its turn.
 */
export function hear(held: Order, observe: (order: Order) => Order, because: Because, limits: StageLimits): { state: Order; facts: Fact[] } {
  const { id, acceptedAt, history } = because;
  const before = elapse(held, acceptedAt, limits);
  const changed = changes(before.state, observe(before.state), because);
  const missed = miss(changed.state, acceptedAt, { limits, causeOf: () => id, revealed: { id, acceptedAt, reasonAt: (effectiveAt) => reasonOf({ history, acceptedAt }, effectiveAt) } });
  return { state: missed.state, facts: [...before.facts, ...changed.facts, ...missed.facts] };
}

/** The order after its reservation lapsed at or before `until`. */
export function lapse(order: Order, until: Millis): Passed {
  const endsAt = order.saga?.lapsesAt;
  const saga = lapsed(order.saga, until);
  if (endsAt === undefined || !saga || saga === order.saga) return { state: order, facts: [] };
  const cause = causeOf('lapse', order.id, endsAt, saga.ask);
  const { state, facts } = changes(order, { ...order, saga }, { id: cause, history: false, occurredAt: endsAt, acceptedAt: endsAt, reason: 'time' });
  return { state, facts: facts.map((fact) => ({ ...fact, cause })) };
}

/** When time alone changes the order next. */
function dueAt(order: Order, limits: StageLimits): Millis | undefined {
  const [lapsesAt, deadline] = [order.saga?.lapsesAt, nextDeadline(order, limits)?.at];
  return lapsesAt === undefined ? deadline : deadline === undefined ? lapsesAt : Math.min(lapsesAt, deadline);
}

/** Saves orders and keeps their timers in step with them. `fired`: keys whose timer is being handled. */
export async function keep(tx: Tx, locked: Locked, states: readonly Order[], { limits, fired = [] }: { limits: StageLimits; fired?: readonly string[] }): Promise<void> {
  await saveMany(tx, locked, states);
  const timers = states.map((order) => ({ key: order.id, dueAt: dueAt(order, limits) }));
  await arm(tx, 'order', timers.filter((timer) => timer.dueAt !== dueAt(locked.orders.get(timer.key)!, limits) || fired.includes(timer.key)));
}
