import type { Fault } from '../scene.js';

export const F02: Fault = {
  name: 'F02', title: 'ingestion killed after COMMIT, before the reply',
  async play(stage, scene) {
    for (let round = 0; round < (scene.quick ? 2 : 4); round += 1) {
      await stage.crash('ingestion', 'ingestion.after-commit:4=kill');
      await stage.start(stage.process('ingestion'));
      await scene.accepts(100);
    }
    await scene.healed();
    scene.expect(scene.journal.duplicates > 0, 'no repeated message was answered as a duplicate');
  },
};

/**
 * Not in the list of faults, but the instant that a relay with a cursor does not survive: a row with a smaller id commits last. The
 * door stores one transaction at a time, so it takes two doors on one database.
 */
export const LATE: Fault = {
  name: 'late-commit', title: 'an outbox row commits behind rows with larger ids',
  async play(stage, scene) {
    const second = await stage.startSecond('ingestion');
    let turn = 0;
    scene.targets = () => [[stage.process('ingestion').url, second.url][(turn += 1) % 2]!];
    for (let round = 0; round < (scene.quick ? 2 : 4); round += 1) {
      await stage.armory.hit(round % 2 === 0 ? 'ingestion' : 'ingestion-2', 'outbox.written:8=pause 2000');
      await scene.accepts(400);
    }
    scene.targets = () => [stage.process('ingestion').url];
    await stage.stop(second);
    await scene.healed();
  },
};
