// After `npm install`: adds the platform packages that npm leaves out of package-lock.json because this machine's
// registry holds them for other versions or platforms only; without them `npm ci` refuses the lock. Idempotent.
import { readFileSync, writeFileSync } from 'node:fs';

const OS = { darwin: 'darwin', linux: 'linux', linuxmusl: 'linux', win32: 'win32', windows: 'win32', win: 'win32', freebsd: 'freebsd',
  openbsd: 'openbsd', netbsd: 'netbsd', android: 'android', sunos: 'sunos', aix: 'aix', openharmony: 'openharmony' };
const CPU = ['x64', 'arm64', 'ia32', 'arm', 'ppc64', 's390x', 'riscv64', 'loong64', 'mips64el', 'wasm32'];

const file = new URL('../../package-lock.json', import.meta.url);
const lock = JSON.parse(readFileSync(file, 'utf8'));
const packages = lock.packages;

/** The path of the package that Node would find for `name` when asked from `from`, or undefined. */
function resolve(from, name) {
  for (let at = from; ; at = at.slice(0, Math.max(0, at.lastIndexOf('/node_modules/')))) {
    const path = `${at ? `${at}/` : ''}node_modules/${name}`;
    if (packages[path]) return path;
    if (!at) return undefined;
  }
}

let added = 0;
for (const [path, entry] of Object.entries(packages)) {
  for (const [name, range] of Object.entries(entry.optionalDependencies ?? {})) {
    const found = resolve(path, name);
    const exact = /^\d/.test(range);
    if (found && (!exact || packages[found].version === range)) continue;
    const words = name.split('/').at(-1).split(/[-_]/);
    const os = words.map((word) => OS[word]).find(Boolean);
    const cpu = words.find((word) => CPU.includes(word));
    if (!os && !cpu) { console.log(`left out (no platform in its name): ${name}@${range}`); continue; }
    if (!exact) { console.log(`left out (not an exact version): ${name}@${range}`); continue; }
    const at = packages[`node_modules/${name}`] ? `${path ? `${path}/` : ''}node_modules/${name}` : `node_modules/${name}`;
    packages[at] = { version: range, ...(os && { os: [os] }), ...(cpu && { cpu: [cpu] }), optional: true, ...(entry.dev && { dev: true }) };
    added += 1;
  }
}
lock.packages = Object.fromEntries(Object.entries(packages).sort(([a], [b]) => (a < b ? -1 : 1)));
writeFileSync(file, `${JSON.stringify(lock, null, 2)}\n`);
console.log(`${added} platform packages added to the lock`);
