import { readFileSync } from 'node:fs';

import { Journal } from './journal.js';
import { Load } from './load.js';

// The load inside a cluster: a program of a pod that holds this folder. SIGTERM ends it; then it prints what was sent and answered.
const { SECTION = '', WRITE_KEY = '', TARGET = '', PER_SECOND = '40', ANSWER_WITHIN_MS = '5000' } = process.env;
const FILE = '/tmp/journal';
const startedAt = Date.now();
const journal = new Journal(FILE);
const load = new Load({ section: SECTION, journal, writeKey: WRITE_KEY, targets: () => [TARGET], perSecond: Number(PER_SECOND), answerWithinMs: Number(ANSWER_WITHIN_MS) }).start();

process.once('SIGTERM', () => {
  void load.stop().then(() => '', (error: Error) => error.message).then((problem) => {
    const { accepted, quarantined, tries, causes, duplicates, longestGapMs, lastAcceptedAt } = journal;
    const entries = readFileSync(FILE, 'utf8').trim().split('\n').map((line) => JSON.parse(line) as { at: number; did: string; status?: number | 'unknown'; cause?: string });
    const troubles = entries.filter(({ did, status }) => did === 'answer' && status !== 202).map(({ at, status, cause }) => `${new Date(at).toISOString().slice(11, 23)} ${cause ?? status}`);
    process.stdout.write(`${JSON.stringify({ problem, troubles, quarantined, tries, causes, duplicates, startedAt, longestGapMs, lastAcceptedAt, accepted })}\n`, () => process.exit(0));
  });
});
