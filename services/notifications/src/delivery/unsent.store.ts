import { Gauge } from 'prom-client';

import { iso } from '@yunke/kernel';
import type { Db } from '@yunke/postgres';

import { CHANNELS } from '../rule/rule.js';

const oldest = new Gauge({ name: 'yunke_messages_oldest_unsent_age_seconds', help: 'For how long the oldest message that may be sent has not been: it is ready, or its call is tried again.', labelNames: ['channel'] });

/**
 * Sets the gauge. What the arbiter delays (`seen` says why) is not late. A call that is tried again is as old as its first one, since the
 * message may have been delayed before. The thousand oldest messages are looked at, so that an outage costs no long look.
 */
export async function measureUnsent(db: Db): Promise<void> {
  const now = await db.now();
  const rows = await db.query<{ channel: string; age: number | null }>(
    `select channel, extract(epoch from $2::timestamptz - least(
       (select min(coalesce(due_at, created_at)) from (select due_at, created_at from intents where state = 'ready' and channel = c.channel and attempts = 0 order by created_at limit 1000) ready),
       (select min(called_at) from deliveries where attempt = 1 and intent_id in (
          select id from intents where channel = c.channel and state in ('ready', 'waiting') and attempts > 0 and seen is null order by created_at limit 1000))))::float8 as age
     from unnest($1::text[]) as c (channel)`, [CHANNELS, iso(now)]);
  for (const { channel, age } of rows) oldest.set({ channel }, Math.max(0, age ?? 0));
}
