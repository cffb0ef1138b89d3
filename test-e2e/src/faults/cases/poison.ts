import { randomBytes } from 'node:crypto';

import kafkajs from 'kafkajs';

import { eventually } from '@yunke/testing';

import type { Message } from '../load/lane.js';
import { query } from '../oracle/evidence.js';
import { TOPICS } from '../oracle/ledger.js';
import type { Fault, Scene } from '../scene.js';
import type { Stage } from '../stage.js';

const LISTENERS: Readonly<Record<string, readonly string[]>> = { [TOPICS.orderObservations]: ['orders', 'identity', 'counter'], [TOPICS.ordersChanges]: ['segmentation', 'notifications', 'counter'] };
const NEIGHBOURS_WAIT_AT_MOST_MS = 1_000;
/** Where the poison goes; the others show how long everybody waits at the same time on this machine. */
const POISONED = 6;

type Poison = { readonly key: Buffer | string | null; readonly value: Buffer | string | null; readonly headers: Record<string, string> };

/** Records that are none of ours, or broken; each under a key of its own, since what is broken for ever would keep its key parked. */
function poisons(type: string): Poison[] {
  const headers = (id: string): Record<string, string> => ({ ce_id: `poison-${id}`, ce_type: type });
  const now = new Date().toISOString();
  const whole = JSON.stringify({ orderId: 'shop:poison-whole', subject: '', seq: '1', acceptedAt: now, occurredAt: now, effectiveAt: now, messageId: 'poison', version: '1', lines: [], identifiers: [] });
  return [
    { key: 'poison-half', value: '{"orderId":"shop:poi', headers: headers('half') },
    { key: 'poison-type', value: whole, headers: { ...headers('type'), ce_type: 'OrderTeleported' } },
    { key: 'poison-bare', value: whole, headers: {} },
    { key: 'poison-unnumbered', value: whole, headers: headers('unnumbered') },
    { key: 'poison-large', value: `{"orderId":"${'x'.repeat(300 * 1024)}`, headers: headers('large') },
    { key: Buffer.from([0x70, 0x00, 0xff, 0xfe]), value: Buffer.from([0xff, 0x00, 0x7b]), headers: { ...headers('bytes'), 'x-nul': 'a\0b' } },
    { key: `poison-${randomBytes(6_000).toString('base64')}`, value: '[]', headers: { ...headers('key'), 'x-literal': String.raw`\u0000` } },
    { key: 'poison-ancient', value: whole.replaceAll(now, '-271821-04-20T00:00:00.000Z'), headers: headers('ancient') },
    { key: null, value: null, headers: headers('null') },
  ];
}

export const F27: Fault = {
  name: 'F27', title: 'poison on the topics, and a record that breaks a constraint of one service',
  async play(stage, scene) {
    const since = new Date();
    const listed = Object.entries(LISTENERS).flatMap(([topic, services]) => stage.present(...services).map((service) => ({ topic, service })));
    scene.signals += await produce(stage);
    const broken = await breakConstraint(stage, scene);
    await scene.accepts(1_000);
    for (const { topic, service } of listed) await expectParked(stage, scene, { topic, service, count: poisons('').length });
    await expectNeighboursFlow(stage, scene, { since, broken });
    await scene.healed();
    await release(stage, scene, broken);
    await forgetPoison(stage, listed.map(({ service }) => service));
  },
};

async function produce(stage: Stage): Promise<number> {
  const producer = new kafkajs.Kafka({ clientId: 'poison', brokers: [stage.evidence.brokers], logLevel: kafkajs.logLevel.NOTHING }).producer({ createPartitioner: kafkajs.Partitioners.DefaultPartitioner });
  await producer.connect();
  const topics = [{ topic: TOPICS.orderObservations, type: 'OrderObserved' }, { topic: TOPICS.ordersChanges, type: 'OrderPlaced' }];
  for (const { topic, type } of topics) {
    await producer.send({ topic, messages: poisons(type).map(({ key, value, headers }, index) => ({ key: key as string, value, headers, partition: index % POISONED })) });
  }
  await producer.disconnect();
  return topics.length * poisons('').length;
}

/** An order that orders' database refuses: its versions wait one behind the other until the constraint is gone. */
async function breakConstraint(stage: Stage, scene: Scene): Promise<string> {
  const orderId = `${scene.section}-refused`;
  await query(stage.platform.databaseUrl('orders'), `alter table orders add constraint refused check (id <> 'shop:${orderId}')`);
  for (const [index, milestone] of ['placed', 'paid', 'shipped', 'delivered'].entries()) await scene.load.deliver([version(orderId, index + 1, milestone)]);
  scene.signals += 1;
  await eventually(async () => {
    const rows = await query<{ n: number }>(stage.platform.databaseUrl('orders'), `select count(*)::int as n from parked_record where value like '%"shop:${orderId}"%'`);
    if (rows[0]!.n !== 4) throw new Error(`${rows[0]!.n} of 4 versions of the refused order are parked`);
  }, 30_000);
  return orderId;
}

function version(orderId: string, n: number, milestone: string): Message {
  const now = new Date().toISOString();
  return {
    sent: { messageId: `${orderId}-v${n}`, kind: 'order', key: `shop:${orderId}`, n },
    observation: { type: 'OrderObserved', messageId: `${orderId}-v${n}`, occurredAt: now, orderId, version: n, subject: 'account:c1', currency: 'CNY', [`${milestone}At`]: now,
      lines: n === 1 ? [{ lineId: '1', sku: 'tea', quantity: 1, unitPrice: '25.00' }] : [] },
  };
}

async function expectParked(stage: Stage, scene: Scene, { topic, service, count }: { topic: string; service: string; count: number }): Promise<void> {
  const url = stage.platform.databaseUrl(service);
  const parked = async (): Promise<number> => (await query<{ n: number }>(url, `select count(*)::int as n from parked_record where topic = $1 and coalesce(value, '') not like '%-refused"%'`, [topic]))[0]!.n;
  const found = await eventually(async () => {
    const n = await parked();
    if (n < count) throw new Error(`${n} of ${count}`);
    return n;
  }, 10_000).catch(parked);
  scene.expect(found === count, `${service} parked ${found} of ${count} poisonous records of ${topic}`);
}

async function release(stage: Stage, scene: Scene, orderId: string): Promise<void> {
  const url = stage.platform.databaseUrl('orders');
  await query(url, 'alter table orders drop constraint refused');
  const [parked] = await query<{ topic: string; partition: number; key: string }>(url, `select topic, partition, key from parked_record where value like '%"shop:${orderId}"%' limit 1`);
  const response = await fetch(`${stage.process('orders').url}/api/operations/parked/release`, {
    method: 'POST', body: JSON.stringify({ service: 'orders', ...parked }), headers: { authorization: `Bearer ${stage.evidence.apiToken}`, 'content-type': 'application/json' },
  });
  const answer = (await response.json()) as { released?: number };
  scene.expect(answer.released === 4, `the release answered ${response.status} ${JSON.stringify(answer)}`);
}

/** Records beside the poison arrive at the end of the pipeline as soon as those of partitions that hold none. */
async function expectNeighboursFlow(stage: Stage, scene: Scene, { since, broken }: { since: Date; broken: string }): Promise<void> {
  const { ledger } = stage.judge;
  await ledger.read();
  const refused = ledger.firsts('orderObservations').get(`shop:${broken}`)?.[0]?.partition;
  const rows = await query<{ key: string; ms: number }>(stage.platform.databaseUrl('counter'), 'select key, max(ms) as ms from delays where at > $1 group by key', [since]);
  const slowest = { beside: 0, apart: 0 };
  for (const { key, ms } of rows) {
    const partition = ledger.firsts('orderObservations').get(key)?.[0]?.partition ?? 0;
    const side = partition < POISONED || partition === refused ? 'beside' : 'apart';
    slowest[side] = Math.max(slowest[side], ms);
  }
  const more = Math.round(slowest.beside - slowest.apart);
  scene.notes.push(`records beside the poison waited ${Math.round(slowest.beside)} ms at most, those apart from it ${Math.round(slowest.apart)} ms`);
  scene.expect(more < NEIGHBOURS_WAIT_AT_MOST_MS, `neighbours of the poison waited ${more} ms longer than others`);
}

async function forgetPoison(stage: Stage, services: readonly string[]): Promise<void> {
  for (const service of new Set(services)) await query(stage.platform.databaseUrl(service), 'delete from parked_record; delete from parked_key; update consumer_position set parked = 0');
}
