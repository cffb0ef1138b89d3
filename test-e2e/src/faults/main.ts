import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';

import { orUsage } from '../platform/or-usage.js';
import { FAULTS, MUTANTS, isGood, isMutant, requireKnown, runSuite } from './suite.js';

const USAGE = `npm run faults [-- options]

  --only F02,M1,M1@replicas   these, and a mutant under another fault than its own; without it all of both
  --mutants                   with --only: all mutants too
  --quick                     shorter
  --json FILE                 write what was seen

faults: ${FAULTS.map(({ name }) => name).join(' ')}
mutants: ${MUTANTS.join(' ')}
`;

function readSettings(): { only: string[] | undefined; withMutants: boolean; quick: boolean; json: string | undefined } {
  const { values } = parseArgs({ options: { only: { type: 'string' }, mutants: { type: 'boolean', default: false }, quick: { type: 'boolean', default: false }, json: { type: 'string' } } });
  const only = values.only?.split(',');
  only?.forEach(requireKnown);
  return { only, withMutants: values.mutants, quick: values.quick, json: values.json };
}

const { only, withMutants, quick, json } = orUsage(readSettings, USAGE);
const faults = only ? only.filter((name) => !isMutant(name)) : FAULTS.map(({ name }) => name);
const mutants = only ? [...new Set([...only.filter(isMutant), ...(withMutants ? MUTANTS : [])])] : MUTANTS;

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));

const { outcomes, mutants: judged } = await runSuite({ faults, mutants, quick, say: (line) => console.log(line) });

const figuresOf = ({ lost, doubled, reordered, fired }: { lost: number; doubled: number; reordered: number; fired: number }) => ({ lost, doubled, reordered, fired });
const sum = (name: 'lost' | 'doubled' | 'reordered'): number => outcomes.reduce((total, one) => total + one[name], 0);
const caught = judged.filter((one) => one.caught);
if (json) {
  writeFileSync(json, `${JSON.stringify({
    faults: outcomes.length, lost: sum('lost'), doubled: sum('doubled'), reordered: sum('reordered'), mutants: judged.length, mutants_caught: caught.length,
    by_name: Object.fromEntries(outcomes.map((one) => [one.name, { ...figuresOf(one), dup_in_kafka: one.dup_in_kafka, sent: one.sent, recover_s: one.recover_s, drain_s: one.drain_s, gap_s: one.gap_s, failed: one.faults, notes: one.notes }])),
    mutants_by_name: Object.fromEntries(judged.map((one) => [one.name, { fault: one.fault, caught: one.caught, ...figuresOf(one) }])),
  }, null, 2)}\n`);
}

const good = outcomes.filter(isGood).length + caught.length;
const bad = outcomes.length + judged.length - good;
console.log(`${good} passed, ${bad} failed`);
process.exit(bad > 0 ? 1 : 0);
