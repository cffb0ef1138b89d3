import { eventually } from '@yunke/testing';

import { query } from '../oracle/evidence.js';
import { readOn } from '../oracle/kafka-reader.js';
import type { Fault, Scene } from '../scene.js';
import type { Stage } from '../stage.js';

const POINTS = ['intent.decided', 'message.called', 'result.recorded'] as const;
const PER_ROUND = 6;
const ENDED_WITHIN_MS = 240_000;
const OUTCOMES = ['MessageSent', 'MessageDropped', 'MessageFailed', 'MessageUnconfirmed'];

type Row = { readonly id: string; readonly class: 'transactional' | 'marketing'; readonly state: string; readonly attempts: number; readonly mails: number; readonly copies: number };

/**
 * The built-in mailbox takes a message once, by its Message-ID, and counts its copies: an idempotent provider that remembers every call.
 * What it holds is compared with the orders that were accepted, and with the outcomes on the topic.
 */
export const NOTIFY_KILL: Fault = {
  name: 'notify-kill', title: 'notifications killed between intent, call and result',
  async play(stage, scene) {
    const rounds = scene.quick ? 6 : 50;
    await scene.load.stop(); // what follows is load enough, and its messages must get through between two kills
    await put(stage, '/api/notifications/policy', { caps: [] });
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

async function put(stage: Stage, path: string, body: object): Promise<void> {
  const { status } = await fetch(`${stage.process('notifications').url}${path}`, { method: 'PUT', headers: { authorization: `Bearer ${stage.evidence.apiToken}`, 'content-type': 'application/json' }, body: JSON.stringify(body) });
  if (status !== 200) throw new Error(`${path}: ${status}`);
}

async function judge(stage: Stage, scene: Scene, orders: readonly string[]): Promise<void> {
  const rows = await eventually(async () => {
    const found = await intentsOf(stage, scene);
    const open = found.filter(({ state }) => ['ready', 'waiting', 'calling'].includes(state)).length;
    if (open > 0 || found.length < 2 * orders.length) throw new Error(`${open} of ${found.length} messages have not ended, for ${orders.length} orders of new VIPs`);
    return found;
  }, ENDED_WITHIN_MS);
  const count = (which: (row: Row) => boolean): number => rows.filter(which).length;
  const [transactional, marketing] = [(row: Row): boolean => row.class === 'transactional', (row: Row): boolean => row.class === 'marketing'];
  scene.expect(count(transactional) === orders.length, `${orders.length} orders have ${count(transactional)} transactional messages`);
  scene.expect(count((row) => transactional(row) && (row.state !== 'sent' || row.mails !== 1)) === 0, 'an order has not exactly one e-mail');
  scene.expect(count((row) => marketing(row) && row.copies > 1) === 0, 'a marketing message was handed in twice');
  scene.expect(count((row) => row.state === 'sent' && row.mails === 0) === 0, 'a message that was sent is not in the mailbox');
  scene.expect(count((row) => marketing(row) && row.state === 'sent') > 0 && count((row) => row.state === 'unknown') > 0, 'no marketing message was sent, or none left unknown: the kills met nothing');
  await expectOneOutcome(stage, scene, rows);
  await expectListed(stage, scene, rows.filter(({ state }) => state === 'unknown'));
  scene.notes.push(`${count(transactional)} e-mails of orders, ${count((row) => transactional(row) && row.copies > 1)} handed in again and taken once; marketing: ${count((row) => marketing(row) && row.state === 'sent')} sent, ` +
    `${count((row) => row.state === 'unknown')} unknown, of which ${count((row) => row.state === 'unknown' && row.mails > 0)} had arrived`);
}

const intentsOf = (stage: Stage, { section }: Scene): Promise<Row[]> => query<Row>(
  stage.platform.databaseUrl('notifications'),
  `select i.id::text as id, i.class, i.state, i.attempts, count(m.id)::int as mails, coalesce(sum(m.copies), 0)::int as copies
   from intents i join people p on p.profile_id = i.profile_id left join mailbox m on m.message_id = '<' || i.id || '@yunke.localhost>'
   where i.channel = 'email' and p.fields->>'email' like $1 group by i.id`, [`${section.replaceAll('.', '-')}-%`]);

/** Every message that ended has said so once, by the numbers of the topic. */
async function expectOneOutcome(stage: Stage, scene: Scene, rows: readonly Row[]): Promise<void> {
  const topic = 'yunke.notifications.deliveries.v1';
  const said = await eventually(async () => {
    const found = new Map<string, Set<string>>();
    for (const { id, type, body } of await readOn(stage.evidence.brokers, new Map([[topic, []]]))) if (OUTCOMES.includes(type)) found.set(String(body!['intentId']), (found.get(String(body!['intentId'])) ?? new Set()).add(`${id} ${type}`));
    if (rows.some(({ id }) => !found.has(id))) throw new Error('an outcome was not said');
    return found;
  }, 30_000).catch(() => new Map<string, Set<string>>());
  scene.expect(rows.every(({ id }) => said.get(id)?.size === 1), 'a message has not exactly one outcome on the topic');
}

/** What nobody knows the fate of is listed by the API, all pages of it. */
async function expectListed(stage: Stage, scene: Scene, unknown: readonly Row[]): Promise<void> {
  const listed = new Set<string>();
  for (let after = ''; ; ) {
    const response = await fetch(`${stage.process('notifications').url}/api/notifications/intents?state=unknown&limit=200${after && `&after=${after}`}`, { headers: { authorization: `Bearer ${stage.evidence.apiToken}` } });
    const { items, next } = (await response.json()) as { items: { id: string }[]; next?: string };
    for (const { id } of items) listed.add(id);
    if (!next) break;
    after = next;
  }
  scene.expect(unknown.every(({ id }) => listed.has(id)), 'an unknown result is not listed');
}
