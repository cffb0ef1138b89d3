import { readFileSync, readdirSync, statSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

import { streams, type Stream } from '@yunke/contracts';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');
const folders = (path: string): string[] => readdirSync(join(ROOT, path)).filter((name) => statSync(join(ROOT, path, name)).isDirectory()).map((name) => `${path}/${name}`);

function sourcesBelow(path: string): string[] {
  return readdirSync(join(ROOT, path), { withFileTypes: true }).flatMap((entry) => {
    if (entry.isDirectory()) return ['node_modules', 'dist', 'gen'].includes(entry.name) ? [] : sourcesBelow(`${path}/${entry.name}`);
    return entry.name.endsWith('.ts') ? [`${path}/${entry.name}`] : [];
  });
}

const services = folders('services').filter((path) => path !== 'services/all');
const packages = [...folders('libs'), ...folders('services')];
const sources = packages.flatMap((path) => sourcesBelow(`${path}/src`));
const code = sources.filter((path) => !/\.(spec|suite|fixture)\.ts$/.test(path));

describe('the house', () => {
  it('has at most two folders below src', () => {
    expect(code.filter((path) => relative(join(...path.split('/').slice(0, 3)), path).split(sep).length > 3)).toEqual([]);
  });

  it('gives no class more than three dependencies', () => {
    const greedy = code.filter((path) => [...read(path).matchAll(/@(?:Controller|Injectable)\([^)]*\)[\s\S]*?constructor\(([^)]*)\)/g)].some(([, parameters]) => parameters!.split(',').filter((one) => one.includes(':')).length > 3));
    expect(greedy).toEqual([]);
  });

  it('names files for what they are', () => {
    expect(code.filter((path) => /[/.-](manager|helper|utils?|base|abstract|impl|common|shared|processor)\.ts$/.test(path))).toEqual([]);
  });

  it('lets no test be skipped or focused', () => {
    expect(sources.filter((path) => !path.endsWith('house.spec.ts') && /\b(it|test|describe|journey)\.(skip|only|todo)\b|\bx(it|describe)\(/.test(read(path)))).toEqual([]);
  });

  it('keeps services apart by lint: all may be imported but services', () => {
    const { overrides } = JSON.parse(read('.oxlintrc.json')) as { overrides: { files: string[]; rules: Record<string, [string, { patterns: { group: string[] }[] }]> }[] };
    const [forbidden, ...allowed] = overrides.find(({ files }) => files.includes('services/*/src/**/*.module.ts'))!.rules['no-restricted-imports']![1].patterns[0]!.group;
    expect(forbidden).toBe('@yunke/*');
    expect(allowed.sort()).toEqual(folders('libs').map((path) => path.replace('libs/', '!@yunke/')).sort());
  });

  it('has every package in the build', () => {
    expect(packages.filter((path) => !built('.').has(path))).toEqual([]);
  });
});

/** What `tsc -b` of a folder builds, by its references and theirs. */
function built(path: string): Set<string> {
  const { references = [] } = JSON.parse(read(join(path, 'tsconfig.json'))) as { references?: { path: string }[] };
  return new Set(references.flatMap((reference) => {
    const found = join(path, reference.path);
    return [found, ...built(found)];
  }));
}

describe.each(services)('the card of %s', (path) => {
  const card = read(`${path}/README.md`);
  const own = code.filter((source) => source.startsWith(`${path}/`));
  const text = own.map(read).join('\n');

  it('is short', () => {
    expect(card.split('\n').length).toBeLessThanOrEqual(40);
  });

  it('names what it hears: the first and the last message of every stream that a method listens to', () => {
    const heard = [...text.matchAll(/@On(?:Copies)?\(streams\.(\w+)\)/g)].map(([, name]) => (streams as Record<string, Stream>)[name!]!);
    expect(heard.flatMap(({ types }) => [types[0]!, types.at(-1)!]).filter((type) => !card.includes(type))).toEqual([]);
  });

  it('names what it says: every message of its own streams', () => {
    const said = Object.values<Stream>(streams).filter(({ service }) => path.endsWith(`/${service}`)).flatMap(({ types }) => types);
    expect(said.filter((type) => !card.includes(type))).toEqual([]);
  });

  it('names its timers and its tables', () => {
    const timers = [...text.matchAll(/@OnTimer\('(\w+)'\)/g)].map(([, kind]) => kind!);
    const tables = own.filter((source) => source.includes('/migrations/')).flatMap((source) => [...read(source).matchAll(/create table (?:if not exists )?(\w+)/g)].map(([, table]) => table!));
    expect([...timers, ...tables].filter((name) => !card.includes(name))).toEqual([]);
  });
});
