import { Journal } from './journal.js';
import { Load } from './load.js';

// The load inside a cluster: a program of a pod that holds this folder. SIGTERM ends it; then it prints what was sent and answered.
const { SECTION = '', WRITE_KEY = '', TARGET = '', PER_SECOND = '40', ANSWER_WITHIN_MS = '5000' } = process.env;
const journal = new Journal('/tmp/journal');
const load = new Load({ section: SECTION, journal, writeKey: WRITE_KEY, targets: () => [TARGET], perSecond: Number(PER_SECOND), answerWithinMs: Number(ANSWER_WITHIN_MS) }).start();

process.once('SIGTERM', () => {
  void load.stop().then(() => '', (error: Error) => error.message).then((problem) => {
    const { accepted, quarantined, tries, causes, duplicates, longestGapMs } = journal;
    process.stdout.write(`${JSON.stringify({ problem, quarantined, tries, causes, duplicates, longestGapMs, accepted })}\n`, () => process.exit(0));
  });
});
