import { setTimeout as pause } from 'node:timers/promises';

import { eventually } from '@yunke/testing';

import { SERVICES } from '../../platform/platform.js';
import { Balancer } from '../balancer.js';
import { checkMail, stillOpen, type Reached } from '../oracle/judge-messages.js';
import { query } from '../oracle/evidence.js';
import { TOPICS } from '../oracle/ledger.js';
import { quiet } from '../oracle/quiet.js';
import type { Fault, Scene } from '../scene.js';
import type { Stage } from '../stage.js';

/** Which replica dies, and at which instant of its work. `either`: the one of the two that comes there, for what only one does at a time. */
type Turn = { readonly of: string; readonly at: string; readonly either?: true; readonly frozen?: true };

/** Once through all of them, and once more, and some a third time; the first seven are a quick run. */
const TURNS: readonly Turn[] = [
  { of: 'ingestion', at: 'ingestion.after-commit' }, { of: 'identity-2', at: 'consumer.before-commit' }, { of: 'inventory', at: 'outbox.written' }, { of: 'orders', at: 'relay.after-ack', either: true },
  { of: 'notifications', at: 'message.called' }, { of: 'segmentation-2', at: 'consumer.before-commit' }, { of: 'counter-2', at: 'consumer.after-commit', frozen: true },
  { of: 'ingestion-2', at: 'ingestion.before-commit' }, { of: 'identity', at: 'consumer.after-commit' }, { of: 'inventory-2', at: 'consumer.after-commit' }, { of: 'orders-2', at: 'consumer.before-commit' },
  { of: 'notifications-2', at: 'result.recorded' }, { of: 'segmentation', at: 'consumer.after-commit' }, { of: 'ingestion', at: 'relay.after-ack', either: true }, { of: 'inventory', at: 'relay.before-send', either: true },
];
const EVERY_MS = { full: 20_000, quick: 10_000 };
const QUICK_TURNS = 7;
const TAKEN_OVER_WITHIN_MS = 60_000;
const MAILED_WITHIN_MS = 240_000;

export const REPLICAS: Fault = {
  name: 'replicas', title: 'two replicas of every service under load, one killed every 20 s and started again',
  load: { perSecond: 80, reachable: true },
  counts: ({ act }) => act === 'kill',
  async play(stage, scene) {
    const balancer = await double(stage, scene);
    const every = scene.quick ? EVERY_MS.quick : EVERY_MS.full;
    const turns = TURNS.slice(0, scene.quick ? QUICK_TURNS : TURNS.length);
    const startedAt = performance.now();
    for (const [index, turn] of turns.entries()) {
      if (turn.frozen) await freeze(stage, turn);
      await pause(Math.max(0, startedAt + index * every - performance.now()));
      await kill(stage, scene, turn);
    }
    await pause(Math.max(0, startedAt + turns.length * every - performance.now()));
    await scene.healed();
    const deaths = turns.filter(({ at }) => at.startsWith('ingestion.')).length;
    scene.expect(balancer.resets.length >= deaths, `ingestion died ${deaths} times with requests in hand, clients saw ${balancer.resets.length} of them break off`);
    scene.expect(scene.journal.duplicates > 0, 'no repeated message was answered as a duplicate');
    await scene.load.stop();
    await judgeMail(stage, scene);
    scene.targets = () => [stage.process('ingestion').url];
    balancer.close();
  },
};

/** A second replica of everything, and the door behind a proxy. The counter is the oracle's own consumer: what it hears twice shows. */
async function double(stage: Stage, scene: Scene): Promise<Balancer> {
  for (const name of stage.present(...SERVICES, 'counter')) await stage.startSecond(name);
  const balancer = new Balancer([stage.process('ingestion').url, stage.process('ingestion-2').url]);
  const url = await balancer.listen();
  scene.targets = () => [url];
  await scene.accepts(100);
  return balancer;
}

/** Stands still with a chunk in hand until its twin has taken over all of its partitions: it comes back to do again what is done. */
async function freeze(stage: Stage, { of }: Turn): Promise<void> {
  const service = of.replace(/-2$/, '');
  await stage.armory.hit(of, 'consumer.before-begin:2=stop');
  stage.armory.disarm(of);
  const before = await positionsOf(stage, service);
  await eventually(async () => {
    const now = await positionsOf(stage, service);
    const still = [...before].filter(([partition, next]) => now.get(partition) === next).length;
    if (still > 0) throw new Error(`${still} partitions of ${of} stand still`);
  }, TAKEN_OVER_WITHIN_MS);
}

const positionsOf = async (stage: Stage, service: string): Promise<Map<number, number>> =>
  new Map((await query<{ partition: number; next: number }>(stage.platform.databaseUrl(service), 'select partition, next_offset::float8 as next from consumer_position where topic = $1', [TOPICS.orderObservations])).map(({ partition, next }) => [partition, next]));

async function kill(stage: Stage, scene: Scene, { of, at, either, frozen }: Turn): Promise<void> {
  const dying = stage.crash(either ? [of, `${of}-2`] : of, `${at}:${frozen ? 1 : 2}=kill`);
  if (frozen) stage.process(of).child.kill('SIGCONT');
  const { process: name, pid, hit } = await dying;
  scene.notes.push(`killed ${name} (pid ${pid}) at ${at}, pass ${hit}${frozen ? ', back from standing still while its twin took over' : ''}; ${scene.journal.accepted.length} accepted by then`);
  await stage.start(stage.process(name));
}

async function judgeMail(stage: Stage, scene: Scene): Promise<void> {
  const reached: Reached = { orders: `shop:${scene.section}-`, addresses: `${scene.section}-` };
  await quiet(stage.evidence, 60_000);
  await eventually(async () => {
    const open = await stillOpen(stage.evidence, reached);
    if (open > 0) throw new Error(`${open} messages have not ended`);
  }, MAILED_WITHIN_MS).catch((error: Error) => scene.expect(false, error.message));
  const { findings, ledger } = stage.judge;
  await quiet(stage.evidence, 60_000); // the outcomes are on the topic
  await ledger.read();
  const { transactional, again, sent, unknown } = await checkMail(stage.evidence, { findings, ledger }, reached);
  scene.expect(transactional > 0 && sent > 0, 'nobody was written to');
  scene.notes.push(`${transactional} e-mails of orders, ${again} handed in again and taken once; marketing: ${sent} sent, ${unknown.length} unknown`);
}
