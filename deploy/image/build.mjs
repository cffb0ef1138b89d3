/**
 * Builds the image where there is no Docker engine and no image registry: buildah in a chroot, bases from the Debian archive.
 *
 *   sudo node deploy/image/build.mjs --tag localhost/yunke:dev --out yunke.tar [--again TAG=FILE]
 *
 * Needs root, buildah and mmdebstrap (Debian), and this host's own Node and npm for the build stage. It builds what is committed, where
 * git is there, else this folder. `--again` writes the same image once more under another name. Ends with one line of JSON: { tag, mb, archive_mb }.
 */
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, realpathSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';

const CACHE = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'yunke', 'image');
const SUITE = 'bookworm';
const TRUSTED = process.env.NODE_EXTRA_CA_CERTS || '/etc/ssl/certs/ca-certificates.crt';
const BASES = {
  // No shell and no package manager: what Node links to, and certificates.
  base: { variant: 'extract', include: 'base-files,libc6,libstdc++6,libgcc-s1,libatomic1' },
  build: { variant: 'minbase', include: 'ca-certificates,libstdc++6,libatomic1,binutils' },
};

/** What this host lacks to build the image, in words for a person; undefined when nothing is missing. */
export function imageMissing() {
  const missing = ['buildah', 'mmdebstrap'].filter((program) => !onPath(program));
  if (process.getuid?.() !== 0) missing.push('root');
  return missing.length > 0 ? missing.join(' and ') : undefined;
}

/** Builds and writes docker-archives: `{ 'localhost/yunke:dev': 'a.tar' }`. Returns the size of the unpacked image in MB (10^6 bytes). @throws Error when a step fails */
export function buildImage(archives, onLog = () => {}) {
  const work = mkdtempSync(join(tmpdir(), 'yunke-image-'));
  const storage = ['--root', join(work, 'root'), '--runroot', join(work, 'run'), '--storage-driver', 'vfs'];
  const buildah = (args, options) => run('buildah', [...storage, ...args], options);
  const bud = (tag, context, args) => buildah(['bud', '--isolation', 'chroot', '--layers=false', '-t', tag, ...args, context]);
  try {
    for (const name of Object.keys(BASES)) {
      onLog(`base image: ${name}`);
      bud(`localhost/yunke-${name}`, baseOf(name, work), []);
    }
    onLog('the image itself');
    const [first, ...others] = Object.keys(archives);
    const npm = join(homedir(), '.npm');
    const cache = existsSync(npm) ? ['--volume', `${npm}:/root/.npm`] : [];
    const about = ['--build-arg', `VERSION=${first.split(':').at(-1)}`, '--build-arg', `REVISION=${revision()}`, '--build-arg', `CREATED=${new Date().toISOString()}`];
    bud(first, contextIn(work), ['-f', resolve('deploy/Containerfile'), '--build-arg', 'BUILD_BASE=localhost/yunke-build', '--build-arg', 'BASE=localhost/yunke-base', ...about, ...cache]);
    for (const other of others) buildah(['tag', first, other]);
    for (const [tag, file] of Object.entries(archives)) {
      rmSync(file, { force: true });
      buildah(['push', tag, `docker-archive:${resolve(file)}:${tag}`]);
    }
    return Math.round(sizeOf(buildah, first) / 1e6);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** A folder with a Containerfile for one of the bases. Its archive is kept in the cache; the build base gets this host's Node and npm. */
function baseOf(name, work) {
  const { variant, include } = BASES[name];
  const archive = join(CACHE, `${SUITE}-${name}.tar`);
  if (!existsSync(archive)) {
    mkdirSync(CACHE, { recursive: true });
    run('mmdebstrap', [`--variant=${variant}`, `--include=${include}`, SUITE, `${archive}.partial.tar`]);
    run('mv', [`${archive}.partial.tar`, archive]);
  }
  const folder = join(work, name);
  mkdirSync(folder);
  cpSync(archive, join(folder, 'base.tar'));
  const lines = ['FROM scratch', 'ADD base.tar /'];
  if (name === 'build') {
    cpSync(process.env.npm_node_execpath ?? realpathSync(onPath('node')), join(folder, 'node'));
    cpSync(dirname(dirname(realpathSync(onPath('npm')))), join(folder, 'npm'), { recursive: true });
    // What this host trusts: its way to the registry may lead through a proxy with a certificate of its own.
    if (existsSync(TRUSTED)) {
      cpSync(TRUSTED, join(folder, 'trusted.crt'));
      lines.push('COPY trusted.crt /etc/ssl/certs/ca-certificates.crt', 'ENV NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt');
    }
    lines.push('COPY node /usr/local/bin/node', 'COPY npm /usr/local/lib/node_modules/npm', 'RUN ln -s ../lib/node_modules/npm/bin/npm-cli.js /usr/local/bin/npm');
  } else {
    writeFileSync(join(folder, 'passwd'), 'root:x:0:0:root:/root:/sbin/nologin\nnonroot:x:65532:65532:nonroot:/tmp:/sbin/nologin\n');
    lines.push('COPY passwd /etc/passwd');
  }
  writeFileSync(join(folder, 'Containerfile'), `${lines.join('\n')}\n`);
  return folder;
}

function contextIn(work) {
  if (!existsSync('.git')) return resolve('.');
  const folder = join(work, 'context');
  mkdirSync(folder);
  run('sh', ['-c', `git archive HEAD | tar -x -C ${folder}`]);
  return folder;
}

const revision = () => (existsSync('.git') ? run('git', ['rev-parse', 'HEAD']).trim() : 'unknown');

function sizeOf(buildah, tag) {
  const container = buildah(['from', '--pull-never', tag]).trim();
  const root = buildah(['mount', container]).trim();
  return Number(run('du', ['-sb', root]).split('\t')[0]);
}

const onPath = (program) => (process.env.PATH ?? '').split(':').map((folder) => join(folder, program)).find((file) => existsSync(file));

const run = (command, args) => execFileSync(command, args, { encoding: 'utf8', maxBuffer: 64e6, stdio: ['ignore', 'pipe', 'inherit'] });

if (import.meta.main) {
  const { values } = parseArgs({ options: { tag: { type: 'string', default: 'localhost/yunke:dev' }, out: { type: 'string', default: 'yunke.tar' }, again: { type: 'string', multiple: true, default: [] } } });
  const missing = imageMissing();
  if (missing) throw new Error(`The image cannot be built here, missing: ${missing}`);
  const mb = buildImage({ [values.tag]: values.out, ...Object.fromEntries(values.again.map((one) => one.split('='))) }, (line) => console.error(`image: ${line}`));
  console.log(JSON.stringify({ tag: values.tag, mb, archive_mb: Math.round(statSync(values.out).size / 1e6) }));
}
