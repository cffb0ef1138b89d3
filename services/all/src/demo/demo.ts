import { readFileSync, writeFileSync } from 'node:fs';

import { streams } from '@yunke/contracts';
import { DAY, clockOffset } from '@yunke/kernel';
import type { Running } from '@yunke/service';

import { DemoShop, seeded } from './shop.js';

const TICK_MS = 250;
const CALLS_PER_REQUEST = 200;

/**
 * Plays the demo shop against the running platform, through its HTTP door, and prints segment changes as they come out of the
 * log. `daysPerSecond` > 0 moves business time along: the file behind `YUNKE_CLOCK` must be ours.
 */
export async function playDemo({ url, log, credentials }: Running, { daysPerSecond, clockFile }: { daysPerSecond: number; clockFile: string }): Promise<void> {
  console.log(`  The demo shop is open${daysPerSecond > 0 ? `; ${daysPerSecond} days pass in a second` : ''}. Segment changes:\n`);
  await log.consume({
    group: `demo-${crypto.randomUUID()}`, topics: [streams.segmentationChanges.topic], assigned: () => undefined, failed: (error) => console.error(error),
    heard: async ({ records, next }) => {
      for (const { value, headers } of records) show(headers['ce_type']!, JSON.parse(value!) as Change);
      return { kind: 'continue', at: next };
    },
  });
  const shop = new DemoShop(seeded(1), Date.now() + clockOffset());
  const timer = setInterval(() => {
    if (daysPerSecond > 0) writeFileSync(clockFile, String(Math.round(Number(readFileSync(clockFile, 'utf8')) + (daysPerSecond * DAY * TICK_MS) / 1_000)));
    void send(url, credentials!.values.writeKey, shop).catch((error: unknown) => console.error(`  the demo shop could not send: ${String(error)}`));
  }, TICK_MS);
  process.once('SIGINT', () => clearInterval(timer)).once('SIGTERM', () => clearInterval(timer));
}

type Change = { profileId: string; segment: string; effectiveAt: string; reason: string; proof: { leaf: string; value: string }[] };

function show(type: string, { profileId, segment, effectiveAt, reason, proof }: Change): void {
  const sign = type === 'SegmentEntered' ? '\u001b[32m+' : '\u001b[33m-';
  console.log(`  ${effectiveAt.slice(0, 19).replace('T', ' ')}  ${profileId.slice(0, 8)}  ${sign} ${segment.padEnd(24)}\u001b[0m ${reason.padEnd(8)} ${proof[0] ? `${proof[0].leaf} (${proof[0].value})` : ''}`);
}

async function send(url: string, writeKey: string, shop: DemoShop): Promise<void> {
  const calls = shop.until(Date.now() + clockOffset());
  for (let at = 0; at < calls.length; at += CALLS_PER_REQUEST) {
    const response = await fetch(`${url}/v1/batch`, {
      method: 'POST', headers: { authorization: `Basic ${Buffer.from(`${writeKey}:`).toString('base64')}`, 'content-type': 'application/json' }, body: JSON.stringify({ batch: calls.slice(at, at + CALLS_PER_REQUEST) }),
    });
    if (response.status !== 202) throw new Error(`${response.status} ${await response.text()}`);
  }
}
