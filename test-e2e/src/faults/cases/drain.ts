import { setTimeout as pause } from 'node:timers/promises';

import { eventually } from '@yunke/testing';

import { Balancer } from '../balancer.js';
import type { Fault, Scene } from '../scene.js';
import type { Stage } from '../stage.js';

const EXIT_WITHIN_MS = 45_000;
/** From leaving the rotation to SIGTERM, as orchestrators have it (preStop): what the proxy has sent arrives. */
const ON_THE_WAY_MS = 300;

/** In what order the processes are renewed, and at which instant of their work the signal reaches them. */
const TURNS = [
  { name: 'ingestion', point: 'ingestion.after-commit' }, { name: 'ingestion-2', point: 'ingestion.before-commit' },
  { name: 'orders', point: 'consumer.before-commit' }, { name: 'ingestion', point: 'ingestion.before-commit' },
  { name: 'ingestion-2', point: 'ingestion.after-commit' }, { name: 'counter', point: 'consumer.before-commit' },
] as const;

export const F33: Fault = {
  name: 'F33', title: 'rolling restarts by SIGTERM under load, behind a proxy with two replicas of ingestion',
  async play(stage, scene) {
    const second = await stage.startSecond('ingestion');
    const balancer = new Balancer([stage.process('ingestion').url, second.url]);
    const url = await balancer.listen();
    scene.targets = () => [url];
    await scene.accepts(100);
    const triesBefore = { ...scene.journal.tries };
    const exits: number[] = [];
    for (let turn = 0; turn < (scene.quick ? 6 : 20); turn += 1) {
      const { name, point } = TURNS[turn % TURNS.length]!;
      exits.push(await renew(stage, scene, { name, point, balancer }));
      if (name.startsWith('ingestion')) await eventually(() => requireReady(balancer, stage.process(name).url), 30_000);
      await scene.accepts(50);
    }
    await scene.healed();
    const bad = Object.entries(scene.journal.tries).filter(([status, count]) => status !== '202' && count > (triesBefore[status] ?? 0));
    scene.expect(balancer.resets.length === 0, `${balancer.resets.length} connections were reset: ${[...new Set(balancer.resets)].join(', ')}`);
    scene.expect(bad.length === 0, `clients saw ${bad.map(([status, count]) => `${count} × ${status}`).join(', ')}`);
    scene.expect(Math.max(...exits) < EXIT_WITHIN_MS, `an exit took ${Math.round(Math.max(...exits))} ms`);
    scene.notes.push(`${exits.length} exits, the slowest after ${Math.round(Math.max(...exits))} ms`);
    scene.targets = () => [stage.process('ingestion').url];
    await scene.accepts(100);
    balancer.close();
  },
};

function requireReady(balancer: Balancer, url: string): void {
  if (!balancer.isReady(url)) throw new Error(`${url} is not ready again`);
}

/** SIGTERM in the middle of its work; started again when it has ended. Returns the milliseconds until it had. */
async function renew(stage: Stage, scene: Scene, { name, point, balancer }: { name: string; point: string; balancer: Balancer }): Promise<number> {
  const one = stage.process(name);
  await stage.armory.hit(name, `${point}:2=pause 1000`);
  stage.armory.disarm(name);
  balancer.leave(one.url);
  await pause(ON_THE_WAY_MS);
  const at = performance.now();
  await stage.stop(one, 'SIGTERM');
  const took = performance.now() - at;
  scene.signals += 1;
  scene.expect(one.child.exitCode === 0, `${name} ended with ${one.child.exitCode ?? one.child.signalCode}`);
  await stage.start(one);
  balancer.join(one.url);
  return took;
}
