import type { Fault } from '../scene.js';

const CONSUMERS = ['segmentation', 'counter', 'orders'] as const; // from the end of the pipeline: who dies first still has something to hear
const POINTS = ['consumer.after-cas', 'consumer.before-commit', 'consumer.after-commit', 'consumer.before-cas'] as const;

export const F04: Fault = {
  name: 'F04', title: 'consumers killed before and after the position moves, before and after COMMIT',
  async play(stage, scene) {
    const names = stage.present(...CONSUMERS);
    for (let round = 0; round < (scene.quick ? 2 : POINTS.length); round += 1) {
      for (const [index, name] of names.entries()) await stage.crash(name, `${POINTS[(round + index + POINTS.length - 1) % POINTS.length]}:3=kill`);
      await Promise.all(names.map((name) => stage.start(stage.process(name))));
      await Promise.all(names.map((name) => stage.hears(name, 100)));
    }
    await scene.healed();
  },
};

const zombies = (points: readonly string[]): Fault => ({
  name: 'F10', title: 'consumers stopped inside the transaction and just before it, successors work, then the zombies go on',
  async play(stage, scene) {
    const names = stage.present(...CONSUMERS);
    for (const point of points) {
      for (const name of names) await stage.armory.hit(name, `${point}:3=stop`);
      stage.armory.disarm(...names);
      const seconds = await Promise.all(names.map((name) => stage.startSecond(name)));
      await Promise.all(names.map((name) => stage.hears(name, 300)));
      for (const name of names) stage.process(name).child.kill('SIGCONT');
      await scene.healed();
      await scene.accepts(500);
      await Promise.all(seconds.map((second) => stage.stop(second)));
    }
  },
});

export const F10 = zombies(['consumer.before-commit', 'consumer.before-begin']);

/** The half of it that only the compare-and-swap withstands: Postgres itself ends what hangs inside a transaction. */
export const F10_BEFORE_BEGIN = zombies(['consumer.before-begin']);
