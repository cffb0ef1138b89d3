import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readlinkSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { SERVICES } from '../platform/platform.js';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const PATCHES = join(ROOT, 'test-e2e/mutants');
const COPIED = ['libs', 'services', 'test-e2e', 'deploy', 'proto', 'tsconfig.base.json', 'package.json'];
const PROJECTS = [...SERVICES.map((service) => `services/${service}`), 'test-e2e'];

export type Mutant = { readonly root: string; remove(): void };

/** The names of all mutants there are: a patch each. */
export const mutantNames = (): string[] => readdirSync(PATCHES).filter((file) => file.endsWith('.patch')).map((file) => basename(file, '.patch')).sort();

/**
 * A copy of the sources with one patch in it, compiled; dependencies are linked, our own packages lead into the copy.
 * @throws Error when the patch no longer applies or the copy does not compile
 */
export function makeMutant(name: string): Mutant {
  const root = mkdtempSync(join(tmpdir(), `yunke-mutant-${name}-`));
  try {
    for (const path of COPIED) cpSync(join(ROOT, path), join(root, path), { recursive: true, preserveTimestamps: true, filter: (from) => basename(from) !== 'node_modules' });
    linkDependencies(root);
    run('git', ['apply', '--whitespace=nowarn', join(PATCHES, `${name}.patch`)], root);
    run(process.execPath, [join(ROOT, 'node_modules/typescript/bin/tsc'), '-b', ...PROJECTS], root);
    return { root, remove: () => rmSync(root, { recursive: true, force: true }) };
  } catch (error) {
    rmSync(root, { recursive: true, force: true });
    throw error;
  }
}

function linkDependencies(root: string): void {
  const modules = join(root, 'node_modules');
  mkdirSync(join(modules, '@yunke'), { recursive: true });
  for (const entry of readdirSync(join(ROOT, 'node_modules'))) if (entry !== '@yunke') symlinkSync(join(ROOT, 'node_modules', entry), join(modules, entry));
  // Our own packages are relative links: the same links lead into the copy.
  for (const entry of readdirSync(join(ROOT, 'node_modules/@yunke'))) symlinkSync(readlinkSync(join(ROOT, 'node_modules/@yunke', entry)), join(modules, '@yunke', entry));
  for (const folder of ['libs', 'services', '.']) {
    for (const project of readdirSync(join(ROOT, folder))) {
      const own = join(folder, project, 'node_modules');
      if (project !== 'node_modules' && existsSync(join(ROOT, own)) && existsSync(join(root, folder, project))) symlinkSync(join(ROOT, own), join(root, own));
    }
  }
}

function run(command: string, args: readonly string[], cwd: string): void {
  // A copy below a repository would be patched as a part of it.
  const { status, stdout, stderr } = spawnSync(command, args, { cwd, encoding: 'utf8', env: { ...process.env, GIT_CEILING_DIRECTORIES: tmpdir() } });
  if (status !== 0) throw new Error(`${command} ${args[0]} failed: ${stderr}${stdout}`.slice(0, 4_000));
}
