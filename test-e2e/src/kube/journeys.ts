import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { writeAttachment, type Attachment } from '../platform/attached.js';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
/** Those that need nothing of the platform's own machine: its processes, its clock, its loopback address. */
const FILES = ['first-order', 'reservation', 'messages'];
const PLAYABLE = 'becomes a person|has its units set aside|an e-mail in the customer|as history writes to nobody';

/** Plays the journeys, the same files as in one process and split, on a platform that runs. */
export async function playJourneys(attachment: Attachment, brokers: string): Promise<{ passed: number; failed: number; problems: string[] }> {
  const directory = mkdtempSync(join(tmpdir(), 'yunke-journeys-'));
  const [attached, result] = [join(directory, 'platform.json'), join(directory, 'result.json')];
  writeAttachment(attached, attachment);
  try {
    const args = ['run', '-s', 'jest', '--', '--runInBand', '--json', `--outputFile=${result}`, '--testNamePattern', PLAYABLE, ...FILES.map((file) => `test-e2e/src/journeys/${file}.spec.ts`)];
    const child = spawn('npm', args, { cwd: ROOT, stdio: 'ignore', env: { ...process.env, YUNKE_ATTACH: attached, TEST_KAFKA_BROKERS: brokers } });
    await new Promise((resolve) => child.once('close', resolve));
    const { numPassedTests, numFailedTests, numRuntimeErrorTestSuites, testResults } = JSON.parse(readFileSync(result, 'utf8')) as { numPassedTests: number; numFailedTests: number; numRuntimeErrorTestSuites: number; testResults: { message: string }[] };
    return { passed: numPassedTests, failed: numFailedTests + numRuntimeErrorTestSuites, problems: testResults.map(({ message }) => message.slice(0, 2_000)).filter(Boolean) };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
