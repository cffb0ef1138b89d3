import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export const root = join(import.meta.dirname, '..', '..', '..');
export const proto = join(root, 'proto');
export const released = join(proto, 'released.binpb');

/** A folder for one test file; `remove` it afterwards. */
export function scratch() {
  const folder = mkdtempSync(join(tmpdir(), 'yunke-contracts-spec-'));
  let copies = 0;
  return {
    folder,
    /** A copy of the contracts in which one text of one file is another. */
    contractsWith(file: string, before: string, after: string): string {
      const copy = join(folder, `proto-${(copies += 1)}`);
      cpSync(proto, copy, { recursive: true });
      const text = readFileSync(join(copy, file), 'utf8');
      if (!text.includes(before)) throw new Error(`${file} does not contain ${before}`);
      writeFileSync(join(copy, file), text.replace(before, after));
      return copy;
    },
    remove: () => rmSync(folder, { recursive: true }),
  };
}

export const buf = (...args: string[]) => run(join(root, 'node_modules', '.bin', 'buf'), args);

/** Generates from a folder of .proto files, or an image, into a folder. */
export const generate = (from: string, into: string) =>
  run(process.execPath, [join(root, 'libs', 'contracts', 'codegen', 'generate.mjs'), from, into]);

function run(command: string, args: string[]) {
  const { status, stdout, stderr } = spawnSync(command, args, { encoding: 'utf8', cwd: root });
  return { status, output: `${stdout}${stderr}` };
}
