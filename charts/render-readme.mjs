// The chart's README from the comments of its values: `node charts/render-readme.mjs` writes it, `--check` says whether it is true.
// A value's comment is `# -- …` in the line above it; a value without one is a folder of others.
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const chart = new URL('./yunke/', import.meta.url);
const read = (name) => readFileSync(new URL(name, chart), 'utf8');

/** Rows of [path, default, meaning] in the order of the file. */
export function valuesOf(text) {
  const rows = [];
  const path = [];
  let meaning;
  for (const line of text.split('\n')) {
    const comment = /^\s*# -- (.*)$/.exec(line);
    if (comment) {
      meaning = comment[1];
      continue;
    }
    const value = /^(\s*)([\w.-]+):(?: (.*))?$/.exec(line);
    if (!value) continue;
    const [, indent, name, given] = value;
    path.splice(indent.length / 2, Infinity, name);
    if (meaning) rows.push([path.join('.'), given ?? '', meaning]);
    else if (given !== undefined) throw new Error(`values.yaml: ${path.join('.')} has no comment`);
    meaning = undefined;
  }
  return rows;
}

export function readme() {
  const rows = valuesOf(read('values.yaml')).map(([path, given, meaning]) => `| \`${path}\` | ${meaning.replaceAll('|', '\\|')} | \`${given.replaceAll('|', '\\|')}\` |`);
  return `${read('README.head.md')}\n| value | meaning | default |\n|---|---|---|\n${rows.join('\n')}\n`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const file = new URL('README.md', chart);
  if (!process.argv.includes('--check')) writeFileSync(file, readme());
  else if (readFileSync(file, 'utf8') !== readme()) throw new Error('charts/yunke/README.md is old: node charts/render-readme.mjs');
}
