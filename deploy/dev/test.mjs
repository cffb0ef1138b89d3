// `npm test`: everything, in one run, on real parts. `--only journeys` runs the journeys in both shapes and nothing else.
// What could not be run is named; with CI=true that is a failure. Ends with `N passed, N failed`.
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { kafkaMissing, startKafka } from '../kafka/kafka.mjs';
import { findHelm } from './helm.mjs';
import { promtool } from './rules.mjs';

const onlyJourneys = process.argv.includes('journeys');
const JOURNEYS = 'test-e2e/src/journeys';
const NEEDS_KAFKA = ['the log suite on Kafka', 'the journeys split on Kafka', 'the faults F02 F04 F06 F10 F27 F33 with the mutants M1 M2'];
const FAULTS = ['--only', 'F02,F04,F06,F10,F27,F33,M1,M2', '--quick'];

const directory = mkdtempSync(join(tmpdir(), 'yunke-tests-'));
const total = { passed: 0, failed: 0 };
const notRun = [];

const run = (command, args, env = {}) => new Promise((resolve) => {
  const child = spawn(command, args, { stdio: 'inherit', env: { ...process.env, ...env } });
  child.once('error', () => resolve(1)).once('exit', (code) => resolve(code ?? 1));
});

/** One step that passes or fails as a whole. */
async function step(name, command, args) {
  const ok = (await run(command, args)) === 0;
  total[ok ? 'passed' : 'failed'] += 1;
  if (!ok) console.error(`FAILED: ${name}`);
  return ok;
}

async function jest(name, args, env) {
  const file = join(directory, `${name}.json`);
  const code = await run('npm', ['run', '-s', 'jest', '--', '--json', `--outputFile=${file}`, ...args], env);
  const result = readJson(file);
  total.passed += result?.numPassedTests ?? 0;
  total.failed += (result?.numFailedTests ?? 0) + (result?.testResults ?? []).filter(({ status, assertionResults }) => status === 'failed' && assertionResults.length === 0).length;
  if (code !== 0 && !result?.numFailedTests) total.failed += 1; // a suite that could not start, a leak, a crash
  const skipped = (result?.numPendingTests ?? 0) + (result?.numTodoTests ?? 0);
  if (skipped > 0) notRun.push(`${skipped} skipped tests of ${name}`);
}

async function faults(env) {
  const file = join(directory, 'faults.json');
  const code = await run('node', ['test-e2e/dist/faults/main.js', ...FAULTS, '--json', file], env);
  const result = readJson(file);
  const bad = Object.values(result?.by_name ?? {}).filter(({ lost, doubled, reordered, fired, failed }) => lost || doubled || reordered || !fired || failed.length > 0).length;
  const missed = result ? result.mutants - result.mutants_caught : 1;
  total.passed += result ? result.faults - bad + result.mutants_caught : 0;
  total.failed += bad + missed + (code !== 0 && bad + missed === 0 ? 1 : 0);
}

function readJson(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return undefined;
  }
}

const missing = kafkaMissing();
const helm = onlyJourneys ? {} : findHelm();
if (helm.missing) notRun.push(`the chart (${helm.missing})`);
let kafka;
try {
  const builds = onlyJourneys ? await step('build', 'npm', ['run', '-s', 'build']) : await step('types, lint, contracts', 'node', ['deploy/dev/check.mjs']);
  if (builds) {
    if (missing) notRun.push(...NEEDS_KAFKA.map((part) => `${part} (${missing})`));
    else kafka = await startKafka();
    const env = kafka ? { TEST_KAFKA_BROKERS: kafka.brokers } : {};
    if (!onlyJourneys && !promtool()) notRun.push('the alert rules and their tests (promtool is missing)');
    else if (!onlyJourneys) await step('alert rules and dashboards', 'node', ['deploy/dev/rules.mjs']);
    if (!onlyJourneys) await jest('unit, laws, db, logs', ['--maxWorkers=2', `--testPathIgnorePatterns=${JOURNEYS}`], env);
    await jest('journeys in one process', ['--runInBand', JOURNEYS], { ...env, YUNKE_SHAPE: 'one' });
    if (kafka) await jest('journeys split on Kafka', ['--runInBand', JOURNEYS], { ...env, YUNKE_SHAPE: 'split' });
    await kafka?.stop();
    kafka = undefined;
    if (!missing && !onlyJourneys) await faults({});
  }
} finally {
  await kafka?.stop();
  rmSync(directory, { recursive: true, force: true });
}

for (const part of notRun) console.error(`NOT RUN: ${part}`);
if (process.env.CI && notRun.length > 0) total.failed += notRun.length;
console.log(`${total.passed} passed, ${total.failed} failed`);
process.exit(total.failed > 0 ? 1 : 0);
