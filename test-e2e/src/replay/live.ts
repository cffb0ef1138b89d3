import { setTimeout as sleep } from 'node:timers/promises';

import { openSource } from './open-source.js';
import type { PlatformApi } from './platform-api.js';

const WITHIN_MS = 120_000;
const LOOK_EVERY_MS = 500;
/** No warehouse of the file, so that a file may be replayed again. */
const WAREHOUSE = 'replay-live';

/** What one live order and one live shortage brought about: each must be one. */
export type Live = { readonly orderMails: number; readonly alerts: number; readonly staffMails: number };

/** Sends them, as a source that tells no history, and waits until the customer has the mail, the alarm is open and staff have theirs. Returns what came, also when not all did. */
export async function goLive(api: PlatformApi, source: string): Promise<Live> {
  const id = crypto.randomUUID().slice(0, 8);
  const address = `replay-${id}@replay.example`;
  const sku = `replay-live-${id}`;
  const key = await openSource(api, `${source}-live`, { history: false });
  await api.ask('inventory', '/api/inventory/thresholds', { method: 'PUT', body: JSON.stringify({ sku, reorderPoint: 5 }) });
  const send = async (...said: object[]): Promise<void> => {
    const occurredAt = new Date().toISOString();
    const observations = said.map((one, index) => ({ messageId: `${id}-${Object.values(one).join('-').slice(0, 40)}-${index}`, occurredAt, ...one }));
    const { accepted } = await api.ask<{ accepted: number }>('ingestion', '/v1/observations', { method: 'POST', key: key.text, body: JSON.stringify({ observations }) });
    if (accepted !== observations.length) throw new Error(`The door accepted ${accepted} of ${observations.length} live observations.`);
  };
  const now = new Date().toISOString();
  await send(
    { type: 'CustomerObserved', subject: `account:${id}`, email: address },
    { type: 'OrderObserved', orderId: id, subject: `account:${id}`, currency: 'GBP', placedAt: now, lines: [{ lineId: '1', sku, quantity: 1, unitPrice: '2.50' }] },
    { type: 'StockObserved', kind: 'count', movementId: `${id}-count`, sku, warehouse: WAREHOUSE, quantity: 20 },
  );
  await send({ type: 'StockObserved', kind: 'sale', movementId: `${id}-sale`, sku, warehouse: WAREHOUSE, quantity: -18 });
  await key.close();
  let live: Live;
  for (const until = performance.now() + WITHIN_MS; ; await sleep(LOOK_EVERY_MS)) {
    live = await look(api, { address, sku });
    if (Object.values(live).every((count) => count > 0) || performance.now() > until) return live;
  }
}

async function look(api: PlatformApi, { address, sku }: { address: string; sku: string }): Promise<Live> {
  const [toCustomer, latest, alerts] = await Promise.all([
    api.ask<{ items: unknown[] }>('notifications', `/api/notifications/mailbox?to=${encodeURIComponent(address)}`),
    api.ask<{ items: { subject: string }[] }>('notifications', '/api/notifications/mailbox?limit=200'),
    api.ask<{ items: unknown[] }>('inventory', `/api/inventory/alerts?sku=${sku}&warehouse=${WAREHOUSE}&kind=shortage&open=true`),
  ]);
  return { orderMails: toCustomer.items.length, alerts: alerts.items.length, staffMails: latest.items.filter(({ subject }) => subject.includes(sku)).length };
}
