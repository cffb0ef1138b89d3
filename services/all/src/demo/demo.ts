import { writeFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';

import { streams } from '@yunke/contracts';
import { eachFetch } from '@yunke/events';
import { DAY, HOUR, clockOffset, type Millis } from '@yunke/kernel';
import type { Running } from '@yunke/service';

import { DemoShop, seeded, type Call, type StockSaid } from './shop.js';

const TICK_MS = 250;
const CALLS_PER_REQUEST = 200;
/** In accelerated time the clock goes on in steps this small, so that what happens is told when it happens. */
const STEP: Millis = HOUR / 2;

/**
 * Plays the demo shop against the running platform, through its HTTP door, and prints segment changes and stock alerts as they
 * come out of the log. `daysPerSecond` > 0 moves business time along: the file behind `YUNKE_CLOCK` must be ours.
 */
export async function playDemo({ url, log, credentials }: Running, { daysPerSecond, clockFile }: { daysPerSecond: number; clockFile: string }): Promise<void> {
  console.log(`  The demo shop is open${daysPerSecond > 0 ? `; ${daysPerSecond} days pass in a second` : ''}. Segment changes and stock alerts:\n`);
  await log.consume({
    group: `demo-${crypto.randomUUID()}`, topics: [streams.segmentationChanges.topic, streams.inventoryAlerts.topic], assigned: () => undefined, failed: (error) => console.error(error),
    heard: eachFetch(async ({ records, next }) => {
      for (const { value, headers } of records) console.log(lineOf(headers['ce_type']!, JSON.parse(value!) as Change & Alert));
      return { kind: 'continue', at: next };
    }),
  });
  let open = true;
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => (open = false));
  const shop = new DemoShop(seeded(1), Date.now() + clockOffset());
  while (open) {
    const calls = daysPerSecond > 0 ? stepOn(shop, clockFile, Date.now() + clockOffset() + (daysPerSecond * DAY * TICK_MS) / 1_000) : [shop.until(Date.now() + clockOffset())];
    for await (const some of calls) await send(url, credentials!.values.writeKey, some).catch((error: unknown) => open && console.error(`  the demo shop could not send: ${String(error)}`));
    await pause(TICK_MS);
  }
}

/** Moves business time on to `until`, a step at a time, and gives what happens in each. */
function* stepOn(shop: DemoShop, clockFile: string, until: Millis): Generator<(Call | StockSaid)[]> {
  for (let now = Date.now() + clockOffset(); now < until; ) {
    now = Math.min(until, now + STEP);
    const calls = shop.until(now);
    if (calls.length === 0 && now < until) continue;
    writeFileSync(clockFile, String(Math.round(now - Date.now())));
    yield calls;
  }
}

type Change = { profileId: string; segment: string; effectiveAt: string; reason: string; proof: { leaf: string; value: string }[] };
type Alert = { kind: string; sku: string; available: string; threshold: string; effectiveAt: string; reason: string };

/** What a fact of either topic looks like on a terminal. */
function lineOf(type: string, fact: Change & Alert): string {
  const coloured = (colour: number, text: string): string => (process.stdout.isTTY ? `\u001b[${colour}m${text}\u001b[0m` : text);
  const line = (who: string, what: string, why: string): string => `  ${fact.effectiveAt.slice(0, 19).replace('T', ' ')}  ${who.padEnd(8)}  ${what} ${fact.reason.padEnd(8)} ${why}`;
  if (type === 'StockAlertOpened') return line(fact.sku, coloured(31, `! ${fact.kind.padEnd(24)}`), `${fact.available} available, ${fact.threshold} wanted`);
  if (type === 'StockAlertClosed') return line(fact.sku, coloured(32, `. ${`${fact.kind} is over`.padEnd(24)}`), `${fact.available} available`);
  const [proof] = fact.proof;
  return line(fact.profileId.slice(0, 8), type === 'SegmentEntered' ? coloured(32, `+ ${fact.segment.padEnd(24)}`) : coloured(33, `- ${fact.segment.padEnd(24)}`), proof ? `${proof.leaf} (${proof.value})` : '');
}

/** Shoppers' calls through the Segment-compatible door, the storeroom's through the native one. */
async function send(url: string, writeKey: string, all: readonly (Call | StockSaid)[]): Promise<void> {
  const stock = all.filter((one) => one.type === 'StockObserved');
  if (stock.length > 0) await post(`${url}/v1/observations`, `Bearer ${writeKey}`, { observations: stock });
  const calls = all.filter((one) => one.type !== 'StockObserved');
  for (let at = 0; at < calls.length; at += CALLS_PER_REQUEST) {
    await post(`${url}/v1/batch`, `Basic ${Buffer.from(`${writeKey}:`).toString('base64')}`, { batch: calls.slice(at, at + CALLS_PER_REQUEST) });
  }
}

async function post(url: string, authorization: string, body: object): Promise<void> {
  const response = await fetch(url, { method: 'POST', headers: { authorization, 'content-type': 'application/json' }, body: JSON.stringify(body) });
  if (response.status !== 202) throw new Error(`${response.status} ${await response.text()}`);
}
