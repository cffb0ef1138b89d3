// Nx learns here what every package can do, so that no package repeats it: `nx test orders`, `nx affected -t test`.
import { dirname } from 'node:path';

const inputs = ['default', '{workspaceRoot}/{libs,proto}/**/*', '!{workspaceRoot}/**/dist/**'];

export const name = 'yunke-projects';

export const createNodesV2 = ['{libs,services}/*/package.json', (files) => files.map((file) => {
  const root = dirname(file);
  return [file, { projects: { [root]: { root, targets: {
    build: { command: `tsc -b ${root}`, cache: true, inputs, outputs: ['{projectRoot}/dist'] },
    test: { command: `npm run -s jest -- --passWithNoTests ${root}/`, dependsOn: ['build'], cache: true, inputs, outputs: [] },
    lint: { command: `oxlint --quiet ${root}`, cache: true, inputs: ['default', '{workspaceRoot}/.oxlintrc.json'], outputs: [] },
  } } } }];
})];
