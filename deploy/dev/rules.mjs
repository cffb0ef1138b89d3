// `npm run rules`: the alert rules, their tests and every query of the dashboards, judged by Prometheus' own promtool.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const CACHED = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'yunke', 'promtool');
const runs = (command, args = ['--version']) => spawnSync(command, args).status === 0;

/** Where promtool is: named by PROMTOOL, on the PATH, or taken once from Debian's package into the cache; undefined when there is none. */
export function promtool() {
  const found = [process.env.PROMTOOL, 'promtool', CACHED].find((one) => one && runs(one));
  if (found || !runs('apt-get') || !runs('dpkg-deb')) return found;
  mkdirSync(dirname(CACHED), { recursive: true });
  const partial = mkdtempSync(`${CACHED}.partial-`); // filled beside and renamed: two runs at once do no harm
  try {
    const got = spawnSync('apt-get', ['download', 'prometheus'], { cwd: partial }).status === 0 && readdirSync(partial).find((name) => name.endsWith('.deb'));
    if (!got || spawnSync('dpkg-deb', ['-x', join(partial, got), partial]).status !== 0) return undefined;
    renameSync(join(partial, 'usr', 'bin', 'promtool'), CACHED);
    return existsSync(CACHED) && runs(CACHED) ? CACHED : undefined;
  } finally {
    rmSync(partial, { recursive: true, force: true });
  }
}

/** Every query of the dashboards as a recording rule, which promtool can parse. */
function queriesAsRules() {
  const folder = join(ROOT, 'charts/yunke/dashboards');
  const queries = readdirSync(folder).flatMap((name) => JSON.parse(readFileSync(join(folder, name), 'utf8')).panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr)));
  return { groups: [{ name: 'dashboards', rules: queries.map((expr, index) => ({ record: `query:${index}`, expr: expr.replaceAll('$__rate_interval', '5m') })) }] };
}

/** Runs them all; true when they pass. @throws Error when promtool is nowhere */
export function checkRules() {
  const tool = promtool();
  if (!tool) throw new Error('promtool is missing: install Prometheus, or name it in PROMTOOL.');
  const directory = mkdtempSync(join(tmpdir(), 'yunke-rules-'));
  try {
    const queries = join(directory, 'dashboards.yaml');
    writeFileSync(queries, JSON.stringify(queriesAsRules())); // JSON is YAML
    const rules = readdirSync(join(ROOT, 'charts/yunke/rules')).map((name) => join(ROOT, 'charts/yunke/rules', name));
    const checks = [['check', 'rules', ...rules, queries], ['test', 'rules', join(ROOT, 'deploy/alerts.test.yaml')]];
    return checks.map((args) => spawnSync(tool, args, { stdio: 'inherit' }).status === 0).every(Boolean);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url) && !checkRules()) process.exitCode = 1;
