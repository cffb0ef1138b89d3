// `npm run check`: types, lint, contracts. Runs everything, then says what failed.
import { spawnSync } from 'node:child_process';

const bin = (name) => `node_modules/.bin/${name}`;
const steps = [
  ['contracts generated', 'node', ['libs/contracts/codegen/generate.mjs']],
  ['contracts lint', bin('buf'), ['lint', 'proto']],
  ['contracts keep what was released', bin('buf'), ['breaking', 'proto', '--against', 'proto/released.binpb']],
  ['types and build', bin('tsc'), ['-b']],
  ['types of the tests', bin('tsc'), ['-p', 'tsconfig.test.json']],
  ['lint', bin('oxlint'), ['--quiet']],
  ['promises', bin('oxlint'), ['--quiet', '--type-aware', '-A', 'all', '-D', 'typescript/no-floating-promises', '-D', 'typescript/no-misused-promises']],
];

const failed = steps.filter(([name, command, args]) => {
  const startedAt = performance.now();
  const { status } = spawnSync(command, args, { stdio: 'inherit' });
  console.log(`${status === 0 ? 'ok  ' : 'FAIL'} ${name} (${((performance.now() - startedAt) / 1000).toFixed(1)} s)`);
  return status !== 0;
});
if (failed.length > 0) process.exit(1);
