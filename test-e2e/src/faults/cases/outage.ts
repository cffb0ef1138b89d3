import { waiting } from '../oracle/quiet.js';
import type { Fault } from '../scene.js';
import { query } from '../oracle/evidence.js';

const AWAY_MS = 10_000;

export const F06: Fault = {
  name: 'F06', title: 'the broker killed in the middle of a send, ten seconds without it',
  async play(stage, scene) {
    const { kafka } = stage.options;
    await stage.armory.hit('ingestion', 'relay.before-send:5=pause 200');
    await kafka.kill();
    scene.signals += 1;
    const awaySince = performance.now();
    const [accepted, refused] = [scene.journal.accepted.length, scene.journal.refused];
    while (performance.now() - awaySince < AWAY_MS) await scene.accepts(100);
    const [row] = await query<{ events: number }>(stage.platform.databaseUrl('ingestion'), 'select coalesce(sum(events), 0)::int as events from outbox');
    scene.expect(row!.events >= (scene.journal.accepted.length - accepted) / 2, `the outbox holds ${row!.events} events after ten seconds without a broker`);
    scene.expect(scene.journal.refused === refused, 'the door refused while the broker was away');
    scene.notes.push(`${scene.journal.accepted.length - accepted} accepted without a broker`);
    await kafka.restart();
    await scene.healed();
  },
};

export const F15: Fault = {
  name: 'F15', title: 'Postgres killed while transactions are about to commit',
  async play(stage, scene) {
    const { postgres } = stage.options;
    for (let round = 0; round < (scene.quick ? 1 : 2); round += 1) {
      await stage.armory.hit('orders', 'consumer.before-commit:3=pause 3000'); // first: while the door waits it hears nothing
      await stage.armory.hit('ingestion', 'outbox.written:4=pause 3000');
      await postgres.kill();
      scene.signals += 1;
      await postgres.start();
      await scene.healed();
      await scene.accepts(300);
    }
    const { unheard } = await waiting(stage.evidence);
    scene.notes.push(`${unheard} unheard after it came back`);
  },
};
