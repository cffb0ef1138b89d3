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

/** Not in the list of faults, but the instant that a relay with a cursor does not survive: a row with a smaller id commits last. */
export const LATE: Fault = {
  name: 'late-commit', title: 'an outbox row commits behind rows with larger ids',
  async play(stage, scene) {
    for (let round = 0; round < (scene.quick ? 1 : 3); round += 1) {
      await Promise.all(stage.present('ingestion', 'orders').map((name) => stage.armory.hit(name, 'outbox.written:8=pause 2000')));
      await scene.accepts(400);
    }
    await scene.healed();
  },
};
