import { eventually } from '@yunke/testing';

import { query } from '../oracle/evidence.js';
import type { Fault } from '../scene.js';
import type { Stage } from '../stage.js';

/** In this order: without the door nobody has anything to say, and a fault that waits for its turn would never come. */
const SPEAKERS = ['orders', 'ingestion'] as const;

export const F03: Fault = {
  name: 'F03', title: 'relay killed before the send, and after the ack before the delete',
  async play(stage, scene) {
    scene.repeats = true;
    const counter = stage.process('counter');
    await stage.stop(counter); // it will find first copies and repeated ones in one look
    for (const point of ['relay.before-send', 'relay.after-ack']) {
      for (const name of SPEAKERS) await stage.crash(name, `${point}:3=kill`);
      await Promise.all(SPEAKERS.map((name) => stage.start(stage.process(name))));
      await Promise.all(SPEAKERS.map((name) => said(stage, name)));
    }
    await stage.start(counter);
    await scene.healed();
  },
};

export const F11: Fault = {
  name: 'F11', title: 'relay stopped past its lease, a successor works, then the zombie goes on',
  async play(stage, scene) {
    scene.repeats = true;
    // The zombie that numbers what it claims would do harm with the batch after the one it froze with: hold that one back.
    const plan = 'relay.before-send:3=stop;relay.before-send:4=pause 4000';
    const fences = await Promise.all(SPEAKERS.map((name) => fence(stage, name)));
    for (const name of SPEAKERS) await stage.armory.hit(name, plan);
    const seconds = await Promise.all(SPEAKERS.map((name) => stage.startSecond(name)));
    scene.targets = () => [stage.process('ingestion-2').url, stage.process('ingestion').url];
    for (const [index, name] of SPEAKERS.entries()) {
      await eventually(async () => {
        if ((await fence(stage, name)) === fences[index]) throw new Error(`nobody took over from the relay of ${name}`);
      }, 30_000);
      await said(stage, name);
    }
    await stage.hears('counter', 500);
    for (const name of SPEAKERS) stage.process(name).child.kill('SIGCONT');
    await scene.healed();
    await scene.accepts(1_600); // longer than a zombie's batch is held back
    scene.targets = () => [stage.process('ingestion').url, stage.process('ingestion-2').url];
    for (const second of seconds) await stage.stop(second);
  },
};

async function fence(stage: Stage, service: string): Promise<string> {
  const [row] = await query<{ fence: string }>(stage.platform.databaseUrl(service), 'select fence from relay_lease');
  return row!.fence;
}

/** Waits until the service has published something new. */
async function said(stage: Stage, service: string): Promise<void> {
  const nextN = async (): Promise<number> => (await query<{ n: number }>(stage.platform.databaseUrl(service), 'select next_n::float8 as n from relay_lease'))[0]!.n;
  const before = await nextN();
  await eventually(async () => {
    if ((await nextN()) === before) throw new Error(`${service} says nothing`);
  }, 30_000);
}
