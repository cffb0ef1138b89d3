/**
 * Writes src/gen/ from proto/: types, the table of streams, JSON Schemas and the AsyncAPI document. From the root of the repository:
 *
 *   node libs/contracts/codegen/generate.mjs [<folder of .proto files, or an image> [<folder to write to>]]
 *
 * Does nothing when the outputs are newer than every input.
 */
import { mkdirSync, readdirSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const root = join(here, '..', '..', '..');
const [proto = join(root, 'proto'), out = join(here, '..', 'src', 'gen')] = process.argv.slice(2);
const outputs = ['types.ts', 'streams.ts', 'schemas.ts', 'asyncapi.json'];

/** The newest change at or below a path. Folders count too: a file that was taken away changes only its folder. */
function newest(path) {
  const below = statSync(path).isDirectory() ? readdirSync(path, { recursive: true, withFileTypes: true }) : [];
  const inputs = below.filter((entry) => entry.isDirectory() || /\.(proto|yaml|mjs)$/.test(entry.name));
  return Math.max(...[path, ...inputs.map((entry) => join(entry.parentPath, entry.name))].map((input) => statSync(input).mtimeMs));
}

function upToDate() {
  const written = outputs.map((name) => statSync(join(out, name), { throwIfNoEntry: false })?.mtimeMs ?? 0);
  return Math.min(...written) > Math.max(newest(proto), newest(here));
}

/** Several processes may generate at once, and one may read meanwhile: a file is there whole or not at all. */
function write(name, text) {
  const unfinished = join(out, `.${name}.${process.pid}`);
  writeFileSync(unfinished, text);
  renameSync(unfinished, join(out, name));
}

async function generate() {
  // Imported only when there is work: loading them takes longer than finding out that there is none.
  const { readMessages } = await import('./descriptors.mjs');
  const { streamsOf } = await import('./streams.mjs');
  const { typesSource, streamsSource } = await import('./types.mjs');
  const { schemasSource } = await import('./schemas.mjs');
  const { asyncApi } = await import('./asyncapi.mjs');

  const messages = readMessages(root, proto);
  const streams = streamsOf(messages);
  mkdirSync(out, { recursive: true });
  write('types.ts', typesSource(messages));
  write('streams.ts', streamsSource(streams, messages));
  write('schemas.ts', schemasSource(messages));
  write('asyncapi.json', `${JSON.stringify(asyncApi(messages, streams), null, 2)}\n`);
}

if (!upToDate()) {
  try {
    await generate();
  } catch (error) {
    console.error(`Contracts were not generated: ${error.message}`);
    process.exitCode = 1;
  }
}
