// What the image holds, taken from a built working tree: `node deploy/image/assemble.mjs OUT`. The services with what they need at
// run time and nothing that builds, Node itself, licences, and an SBOM (CycloneDX 1.6) of exactly that. Read-only for everybody.
import { spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, cpSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';

const [out] = process.argv.slice(2);
if (!out) throw new Error('usage: node deploy/image/assemble.mjs OUT');
const { packages } = JSON.parse(readFileSync('package-lock.json', 'utf8'));
const { version } = JSON.parse(readFileSync('package.json', 'utf8'));

/** Not used at run time: types, source maps, texts for readers; in some packages whole builds for browsers. */
const DROPPED_FILES = /\.(d\.[cm]?ts|[cm]?ts|map|flow|markdown)$|^(readme|changelog|history|contributing)(\..*)?$/i;
const DROPPED_FOLDERS = { typeorm: ['browser'], rxjs: ['src', 'dist/bundles', 'dist/esm5'], 'swagger-ui-dist': [''] };

/** The path in the lock of the package that Node finds for `name` when asked from `from`. */
function resolve(from, name) {
  for (let at = from; ; at = at.includes('/node_modules/') ? at.slice(0, at.lastIndexOf('/node_modules/')) : '') {
    const path = `${at ? `${at}/` : ''}node_modules/${name}`;
    if (packages[path]) return path;
    if (!at) return undefined;
  }
}

/** Everything that services/all needs, by its path in the lock; links are followed to the workspace. */
function closure() {
  const found = new Set();
  const waiting = ['services/all'];
  for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
    if (found.has(path)) continue;
    found.add(path);
    const { link, resolved, dependencies, optionalDependencies, peerDependencies, peerDependenciesMeta } = packages[path];
    if (link) {
      waiting.push(resolved);
      continue;
    }
    const peers = Object.keys(peerDependencies ?? {}).filter((name) => !peerDependenciesMeta?.[name]?.optional);
    for (const name of [...Object.keys({ ...dependencies, ...optionalDependencies }), ...peers]) {
      const needed = resolve(path, name);
      if (needed && existsSync(needed)) waiting.push(needed);
    }
  }
  return [...found].sort();
}

function copyPackage(path) {
  const name = path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length);
  const dropped = (DROPPED_FOLDERS[name] ?? []).map((folder) => join(path, folder));
  cpSync(path, join(out, path), {
    recursive: true, dereference: true,
    filter: (file) => basename(file) !== 'node_modules' && !DROPPED_FILES.test(basename(file)) && !dropped.includes(file) || file === path && !dropped.includes(path),
  });
}

function copyWorkspace(path) {
  cpSync(join(path, 'dist'), join(out, path, 'dist'), { recursive: true, filter: (file) => !/\.(d\.ts|map|tsbuildinfo)$/.test(file) });
  cpSync(join(path, 'package.json'), join(out, path, 'package.json'));
}

function copyLink(path) {
  mkdirSync(dirname(join(out, path)), { recursive: true });
  symlinkSync(relative(dirname(path), packages[path].resolved), join(out, path));
}

const nodeVersion = process.env.NODE_PACKAGE ?? `node-${process.platform}-${process.arch}`;
const node = `node_modules/${nodeVersion}`;

function sbom(paths) {
  const components = [...paths.filter((path) => path.includes('node_modules/') && !packages[path].link), node].map((path) => {
    const { version: is, license, integrity } = packages[path];
    const name = path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length);
    const [algorithm, digest] = integrity?.split('-') ?? [];
    return {
      type: path === node ? 'application' : 'library', 'bom-ref': `${name}@${is}#${path}`, name, version: is, purl: `pkg:npm/${name.replace('@', '%40')}@${is}`,
      ...(license && { licenses: [/[ ()]/.test(license) ? { expression: license } : { license: { id: license } }] }),
      ...(digest && { hashes: [{ alg: algorithm.replace('sha', 'SHA-'), content: Buffer.from(digest, 'base64').toString('hex') }] }),
    };
  });
  return { bomFormat: 'CycloneDX', specVersion: '1.6', version: 1, metadata: { component: { type: 'container', name: 'yunke', version } }, components };
}

const paths = closure();
for (const path of paths) {
  if (packages[path].link) copyLink(path);
  else if (path.includes('node_modules/')) copyPackage(path);
  else copyWorkspace(path);
}
mkdirSync(join(out, 'bin'), { recursive: true });
cpSync(join(node, 'bin/node'), join(out, 'bin/node'));
chmodSync(join(out, 'bin/node'), 0o755);
spawnSync('strip', [join(out, 'bin/node')]); // a fifth smaller where binutils are there
const atomic = /=> (\S*libatomic\S*)/.exec(spawnSync('ldd', [join(out, 'bin/node')], { encoding: 'utf8' }).stdout)?.[1];
if (atomic) { // Node needs it and a bare base has none; it is a link, which cpSync of Node 26 takes for a folder
  mkdirSync(join(out, 'lib'));
  copyFileSync(atomic, join(out, 'lib/libatomic.so.1'));
}
cpSync(join(node, 'LICENSE'), join(out, 'bin/LICENSE.node'));
cpSync('LICENSE', join(out, 'LICENSE'));
writeFileSync(join(out, 'bin/yunke'), "#!/opt/yunke/bin/node --disable-warning=TimeoutNegativeWarning\nimport '/opt/yunke/services/all/dist/yunke.js';\n", { mode: 0o755 });
writeFileSync(join(out, 'package.json'), `${JSON.stringify({ name: 'yunke', version, private: true, license: 'Apache-2.0', type: 'module' }, null, 2)}\n`);
writeFileSync(join(out, 'sbom.cdx.json'), JSON.stringify(sbom(paths)));
console.log(`${paths.length} packages`);
