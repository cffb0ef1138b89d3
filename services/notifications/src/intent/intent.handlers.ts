import { Controller } from '@nestjs/common';

import { streams } from '@yunke/contracts';
import { On, type Batch } from '@yunke/events';
import type { Tx } from '@yunke/postgres';
import { OnTimer, arm, type Due } from '@yunke/timers';

import { NotificationsConfig } from '../notifications.config.js';
import { wishesOf, type HeardFact } from '../rule/rule.js';
import { activeRules } from '../rule/rule.store.js';
import { openEndpoints } from '../webhook/endpoint.store.js';
import { insertMany, readyDue } from './intent.store.js';

/** What facts lead to messages. Here they are only wanted; the dispatcher asks the arbiter and calls the provider. */
@Controller()
export class IntentHandlers {
  constructor(private readonly config: NotificationsConfig) {}

  @On(streams.ordersChanges)
  orders({ records }: Batch<typeof streams.ordersChanges>, tx: Tx): Promise<void> {
    return this.#want(tx, records as unknown as HeardFact[]);
  }

  @On(streams.segmentationChanges)
  segments({ records }: Batch<typeof streams.segmentationChanges>, tx: Tx): Promise<void> {
    return this.#want(tx, records as unknown as HeardFact[]);
  }

  @On(streams.inventoryAlerts)
  alerts({ records }: Batch<typeof streams.inventoryAlerts>, tx: Tx): Promise<void> {
    return this.#want(tx, records as unknown as HeardFact[]);
  }

  @OnTimer('intent')
  async due({ keys, until }: Due, tx: Tx): Promise<void> {
    await arm(tx, 'intent', await readyDue(tx, keys, until));
  }

  async #want(tx: Tx, facts: readonly HeardFact[]): Promise<void> {
    const news = facts.filter(({ body }) => body.reason === 'event' || body.reason === 'time');
    if (news.length === 0) return;
    const rules = await activeRules(tx, [...new Set(news.map(({ type }) => type))]);
    if (rules.length === 0) return;
    const endpoints = rules.some(({ audience }) => audience === 'endpoints') ? await openEndpoints(tx) : [];
    const now = await tx.now();
    await insertMany(tx, news.flatMap((fact) => wishesOf(fact, rules, { staff: this.config.staff, endpoints }, now)), now);
  }
}
