import { eventually } from '@yunke/testing';

import { checkMail, stillOpen, type Reached } from '../oracle/judge-messages.js';
import { quiet } from '../oracle/quiet.js';
import type { Fault, Scene } from '../scene.js';
import type { Stage } from '../stage.js';

const POINTS = ['intent.decided', 'message.called', 'result.recorded'] as const;
const PER_ROUND = 6;
const ENDED_WITHIN_MS = 240_000;

/** What the mailbox holds is compared with the orders that were accepted, and with the outcomes on the topic. */
export const NOTIFY_KILL: Fault = {
  name: 'notify-kill', title: 'notifications killed between intent, call and result',
  async play(stage, scene) {
    const rounds = scene.quick ? 6 : 50;
    await scene.load.stop(); // what follows is load enough, and its messages must get through between two kills
    await send(stage, customers(scene, 0));
    const orders: string[] = [];
    for (let round = 0; round < rounds; round += 1) {
      const placed = ordersOf(scene, round);
      await send(stage, [...placed, ...customers(scene, round + 1)]);
      orders.push(...placed.map(({ orderId }) => `shop:${orderId}`));
      const point = POINTS[round % POINTS.length]!;
      await stage.crash('notifications', `${point}:${point === 'message.called' ? 1 + (round % 4) : 1}=kill`); // what is decided and recorded together passes its point once
      await stage.start(stage.process('notifications'));
    }
    const healing = scene.healed();
    const last = ordersOf(scene, rounds);
    await send(stage, last);
    await healing;
    orders.push(...last.map(({ orderId }) => `shop:${orderId}`));
    await judge(stage, scene, orders);
  },
};

const name = ({ section }: Scene, round: number, index: number): string => `${section}-${round}-${index}`.replaceAll('.', '-');

function customers(scene: Scene, round: number): Record<string, string | boolean>[] {
  const occurredAt = new Date().toISOString();
  return Array.from({ length: PER_ROUND }, (_, index) => ({
    type: 'CustomerObserved', messageId: `c-${name(scene, round, index)}`, occurredAt, subject: `account:${name(scene, round, index)}`, email: `${name(scene, round, index)}@killed.example`, marketingConsent: true,
  }));
}

function ordersOf(scene: Scene, round: number): { readonly orderId: string; readonly [field: string]: unknown }[] {
  const now = new Date().toISOString();
  return Array.from({ length: PER_ROUND }, (_, index) => ({
    type: 'OrderObserved', messageId: `o-${name(scene, round, index)}`, occurredAt: now, orderId: `${scene.section}-k${round}-${index}`, subject: `account:${name(scene, round, index)}`, currency: 'CNY', placedAt: now,
    lines: [{ lineId: '1', sku: 'tea', quantity: 1, unitPrice: '5000.00' }],
  }));
}

async function send(stage: Stage, observations: readonly object[]): Promise<void> {
  const { status } = await fetch(`${stage.process('ingestion').url}/v1/observations`, {
    method: 'POST', headers: { authorization: `Bearer ${stage.platform.credentials.writeKey}`, 'content-type': 'application/json' }, body: JSON.stringify({ observations }),
  });
  if (status !== 202) throw new Error(`not accepted: ${status}`);
}

async function judge(stage: Stage, scene: Scene, orders: readonly string[]): Promise<void> {
  const reached: Reached = { orders: `shop:${scene.section}-k`, addresses: `${scene.section.replaceAll('.', '-')}-` };
  const { findings, ledger } = stage.judge;
  await eventually(async () => {
    await quiet(stage.evidence, 30_000);
    await ledger.read();
    const open = await stillOpen(stage.evidence, reached);
    const untold = orders.filter((orderId) => !(ledger.firsts('ordersChanges').get(orderId)?.length)).length;
    if (open + untold > 0) throw new Error(`${open} messages have not ended, ${untold} orders of ${orders.length} are not told of`);
  }, ENDED_WITHIN_MS).catch((error: Error) => scene.expect(false, error.message));
  for (const orderId of orders) if (!ledger.firsts('ordersChanges').get(orderId)?.length) scene.harmed('lost', `no fact of ${orderId}`);
  const { transactional, again, sent, unknown, arrived } = await checkMail(stage.evidence, { findings, ledger }, reached);
  scene.expect(transactional === orders.length, `${orders.length} orders have ${transactional} messages`);
  scene.expect(sent + unknown.length === orders.length, `${orders.length} new VIPs have ${sent + unknown.length} marketing messages that were sent or may have been`);
  scene.expect(again > 0 && unknown.length > 0, 'no message was handed in again, or none left unknown: the kills met nothing');
  await expectListed(stage, scene, unknown);
  scene.notes.push(`${transactional} e-mails of orders, ${again} handed in again and taken once; marketing: ${sent} sent, ${unknown.length} unknown, of which ${arrived} had arrived`);
}

/** What nobody knows the fate of is listed by the API, all pages of it. */
async function expectListed(stage: Stage, scene: Scene, unknown: readonly string[]): Promise<void> {
  const listed = new Set<string>();
  for (let after = ''; ; ) {
    const response = await fetch(`${stage.process('notifications').url}/api/notifications/intents?state=unknown&limit=200${after && `&after=${after}`}`, { headers: { authorization: `Bearer ${stage.evidence.apiToken}` } });
    const { items, next } = (await response.json()) as { items: { id: string }[]; next?: string };
    for (const { id } of items) listed.add(id);
    if (!next) break;
    after = next;
  }
  scene.expect(unknown.every((id) => listed.has(id)), 'an unknown result is not listed');
}
