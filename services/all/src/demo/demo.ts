import { writeFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';

import { streams } from '@yunke/contracts';
import { eachFetch } from '@yunke/events';
import { DAY, HOUR, clockOffset, type Millis } from '@yunke/kernel';
import type { Running } from '@yunke/service';

import { DemoShop, seeded, type Call } from './shop.js';

const TICK_MS = 250;
const CALLS_PER_REQUEST = 200;
/** In accelerated time the clock goes on in steps this small, so that what happens is told when it happens. */
const STEP: Millis = HOUR / 2;

/**
 * Plays the demo shop against the running platform, through its HTTP door, and prints segment changes as they come out of the
 * log. `daysPerSecond` > 0 moves business time along: the file behind `YUNKE_CLOCK` must be ours.
 */
export async function playDemo({ url, log, credentials }: Running, { daysPerSecond, clockFile }: { daysPerSecond: number; clockFile: string }): Promise<void> {
  console.log(`  The demo shop is open${daysPerSecond > 0 ? `; ${daysPerSecond} days pass in a second` : ''}. Segment changes:\n`);
  await log.consume({
    group: `demo-${crypto.randomUUID()}`, topics: [streams.segmentationChanges.topic], assigned: () => undefined, failed: (error) => console.error(error),
    heard: eachFetch(async ({ records, next }) => {
      for (const { value, headers } of records) show(headers['ce_type']!, JSON.parse(value!) as Change);
      return { kind: 'continue', at: next };
    }),
  });
  let open = true;
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => (open = false));
  const shop = new DemoShop(seeded(1), Date.now() + clockOffset());
  while (open) {
    const calls = daysPerSecond > 0 ? stepOn(shop, clockFile, Date.now() + clockOffset() + (daysPerSecond * DAY * TICK_MS) / 1_000) : [shop.until(Date.now() + clockOffset())];
    for await (const some of calls) await send(url, credentials!.values.writeKey, some).catch((error: unknown) => console.error(`  the demo shop could not send: ${String(error)}`));
    await pause(TICK_MS);
  }
}

/** Moves business time on to `until`, a step at a time, and gives what happens in each. */
function* stepOn(shop: DemoShop, clockFile: string, until: Millis): Generator<Call[]> {
  for (let now = Date.now() + clockOffset(); now < until; ) {
    now = Math.min(until, now + STEP);
    const calls = shop.until(now);
    if (calls.length === 0 && now < until) continue;
    writeFileSync(clockFile, String(Math.round(now - Date.now())));
    yield calls;
  }
}

type Change = { profileId: string; segment: string; effectiveAt: string; reason: string; proof: { leaf: string; value: string }[] };

function show(type: string, { profileId, segment, effectiveAt, reason, proof }: Change): void {
  const [sign, plain] = process.stdout.isTTY ? [type === 'SegmentEntered' ? '\u001b[32m+' : '\u001b[33m-', '\u001b[0m'] : [type === 'SegmentEntered' ? '+' : '-', ''];
  console.log(`  ${effectiveAt.slice(0, 19).replace('T', ' ')}  ${profileId.slice(0, 8)}  ${sign} ${segment.padEnd(24)}${plain} ${reason.padEnd(8)} ${proof[0] ? `${proof[0].leaf} (${proof[0].value})` : ''}`);
}

async function send(url: string, writeKey: string, calls: readonly Call[]): Promise<void> {
  for (let at = 0; at < calls.length; at += CALLS_PER_REQUEST) {
    const response = await fetch(`${url}/v1/batch`, {
      method: 'POST', headers: { authorization: `Basic ${Buffer.from(`${writeKey}:`).toString('base64')}`, 'content-type': 'application/json' }, body: JSON.stringify({ batch: calls.slice(at, at + CALLS_PER_REQUEST) }),
    });
    if (response.status !== 202) throw new Error(`${response.status} ${await response.text()}`);
  }
}
