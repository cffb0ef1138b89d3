import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { writeAttachment, type Attachment } from '../platform/attached.js';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
/** Those that need nothing of the platform's own machine: its processes, its clock. */
const FILES = ['first-order', 'reservation', 'messages'];

type Played = { passed: number; failed: number; problems: string[] };

/** Plays the journeys, the same files as in one process and split, on a platform that runs. One after the other: the first wants to be the first. */
export async function playJourneys(attachment: Attachment, brokers: string): Promise<Played> {
  const directory = mkdtempSync(join(tmpdir(), 'yunke-journeys-'));
  const attached = join(directory, 'platform.json');
  writeAttachment(attached, attachment);
  const all: Played = { passed: 0, failed: 0, problems: [] };
  try {
    for (const file of FILES) {
      const { passed, failed, problems } = await play(file, join(directory, `${file}.json`), { YUNKE_ATTACH: attached, TEST_KAFKA_BROKERS: brokers });
      all.passed += passed;
      all.failed += failed;
      all.problems.push(...problems);
    }
    return all;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

async function play(file: string, result: string, env: Record<string, string>): Promise<Played> {
  const args = ['run', '-s', 'jest', '--', '--runInBand', '--json', `--outputFile=${result}`, `test-e2e/src/journeys/${file}.spec.ts`];
  const child = spawn('npm', args, { cwd: ROOT, stdio: 'ignore', env: { ...process.env, ...env } });
  await new Promise((resolve) => child.once('close', resolve));
  if (!existsSync(result)) return { passed: 0, failed: 1, problems: [`${file}: jest could not start`] };
  const { numPassedTests, numFailedTests, numRuntimeErrorTestSuites, testResults } = JSON.parse(readFileSync(result, 'utf8')) as { numPassedTests: number; numFailedTests: number; numRuntimeErrorTestSuites: number; testResults: { message: string }[] };
  return { passed: numPassedTests, failed: numFailedTests + numRuntimeErrorTestSuites, problems: testResults.map(({ message }) => message.slice(0, 2_000)).filter(Boolean) };
}
