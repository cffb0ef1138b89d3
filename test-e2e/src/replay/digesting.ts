import { setTimeout as sleep } from 'node:timers/promises';

import type { PlatformApi } from './platform-api.js';

const LOOK_EVERY_MS = 500;
const METRICS = ['yunke_outbox_events', 'yunke_records_heard_total', 'yunke_parked_keys', 'yunke_consumer_lag_records'] as const;

/** What the orders service counts of one source. */
export type OrderCounts = { readonly orders: number; readonly unattributed: number; readonly returns: number; readonly unattributedReturns: number };

/** `unheard`: records in the log that a service has not heard; undefined when no process tells. */
export type Rest = { readonly counts: OrderCounts; readonly parkedKeys: number; readonly unheard: number | undefined };

/** Waits until nothing waits in any outbox, and nothing was heard and no count moved for `quietMs`. @throws Error when the platform does not tell */
export async function untilDigested(api: PlatformApi, { source, quietMs }: { source: string; quietMs: number }, note: (text: string) => void): Promise<Rest> {
  let before = '';
  let since = performance.now();
  for (;;) {
    const [[outbox, heard, parkedKeys = 0, unheard], counts] = await Promise.all([api.metrics(METRICS), api.ask<OrderCounts>('orders', `/api/orders/counts?source=${encodeURIComponent(source)}`)]);
    if (outbox === undefined) throw new Error(`No process of the platform has the metric ${METRICS[0]}.`);
    const now = JSON.stringify([outbox, heard, counts]);
    if (now !== before || outbox > 0) since = performance.now();
    if (performance.now() - since >= quietMs) return { counts, parkedKeys, unheard };
    before = now;
    note(`the platform digests: ${outbox} events wait to be published, ${counts.orders} orders and ${counts.returns} returns are known`);
    await sleep(LOOK_EVERY_MS);
  }
}
