import { execFileSync } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { parse } from 'yaml';

import { journey, type Stage } from './journey.js';
import { expose, familyOf, namesIn, type Exposed } from './promql.js';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');
const filesIn = (path: string): string[] => readdirSync(join(ROOT, path)).map((name) => `${path}/${name}`);

type Rule = { alert: string; expr: string; labels: Record<string, string>; annotations: Record<string, string> };
type Dashboard = { panels: { title: string; targets?: { expr: string; legendFormat: string }[] }[]; templating: { list: { definition?: string }[] } };

const rules = filesIn('charts/yunke/rules').flatMap((path) => (parse(read(path)) as { groups: { rules: Rule[] }[] }).groups.flatMap((group) => group.rules));
const dashboards = filesIn('charts/yunke/dashboards').map((path) => JSON.parse(read(path)) as Dashboard);
const variables = dashboards.flatMap(({ templating }) => templating.list.flatMap(({ definition }) => (definition ? [/^label_values\((.*), (\w+)\)$/.exec(definition)!] : [])));
const queries = [...rules.map(({ expr }) => expr), ...dashboards.flatMap(({ panels }) => panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr))), ...variables.map(([, selector]) => selector!)];

/** What whoever scrapes adds to every sample. */
const OF_TARGETS = ['namespace', 'job', 'instance'];

describe('the alerts', () => {
  const sections = [...read('deploy/runbook.md').matchAll(/^### (\w+)$/gm)].map(([, name]) => name!);

  it('have a section in the runbook each, and each section has its alert', () => {
    expect(sections.toSorted()).toEqual(rules.map(({ alert }) => alert).toSorted());
  });

  it('say how bad it is, what it is, and where to read on', () => {
    expect(rules.filter(({ alert, labels, annotations }) =>
      !['critical', 'warning'].includes(labels['severity']!) || !annotations['summary'] || annotations['runbook_url'] !== `deploy/runbook.md#${alert.toLowerCase()}`)).toEqual([]);
  });

  it('have sections that say what it means, how to see it and what helps, and lead to sections that are there', () => {
    const [, ...texts] = read('deploy/runbook.md').split(/^### /m);
    expect(texts.filter((text) => !['**Means:**', '**See:**', '**Do:**'].every((part) => text.includes(part)))).toEqual([]);
    expect([...read('deploy/runbook.md').matchAll(/\]\(#(\w+)\)/g)].map(([, anchor]) => anchor!).filter((anchor) => !sections.some((name) => name.toLowerCase() === anchor))).toEqual([]);
  });
});

describe('the dashboards', () => {
  it('are what deploy/dashboards.mjs says', () => {
    execFileSync(process.execPath, ['deploy/dashboards.mjs', '--check'], { cwd: ROOT });
  });

  it('show in a legend only labels that the query keeps', () => {
    const lost = dashboards.flatMap(({ panels }) => panels.flatMap(({ title, targets = [] }) => targets.filter(({ expr, legendFormat }) => {
      const { grouping } = namesIn(expr);
      const aggregates = /^(sum|max|min|count|histogram_quantile|group)\b/.test(expr);
      return aggregates && [...legendFormat.matchAll(/{{(\w+)}}/g)].some(([, label]) => !grouping.includes(label!));
    }).map(() => title)));
    expect(lost).toEqual([]);
  });
});

describe('the metrics', () => {
  let exposed: Exposed;

  async function look({ platform }: Stage): Promise<Exposed> {
    const found: Exposed = new Map();
    for (const { url } of platform.processes) expose(await (await fetch(`${url}/metrics`)).text(), found);
    return found;
  }

  journey('of a platform in which something has happened: everything that dashboards and alerts name is exported', async (stage) => {
    const now = new Date().toISOString();
    await stage.send({ type: 'OrderObserved', messageId: 'measured', occurredAt: now, orderId: 'M-4711', subject: 'account:kanarie', currency: 'CNY', placedAt: now, paidAt: now, lines: [{ lineId: '1', sku: 'tea', quantity: 1, unitPrice: '3.00' }] });
    await stage.eventually(async () => expect(await stage.get('orders', '/api/orders/shop%3AM-4711')).toMatchObject({ status: 'backordered' }), 30_000);
    for (const { url } of stage.platform.processes) await fetch(`${url}/kanarie`);
    exposed = await look(stage);

    const named = queries.map(namesIn);
    const missing = named.flatMap(({ metrics }) => metrics.map(({ name }) => name)).filter((name) => !exposed.has(familyOf(name, exposed)));
    expect(missing).toEqual([]);
    const without = named.flatMap(({ metrics, grouping }) => metrics.flatMap(({ name, labels }) => {
      const known = exposed.get(familyOf(name, exposed))!;
      const has = (label: string): boolean => known.series === 0 || known.labels.has(label) || OF_TARGETS.includes(label);
      return [...labels.filter((label) => !has(label)), ...(metrics.length === 1 ? grouping.filter((label) => !has(label)) : [])].map((label) => `${name} ${label}`);
    }));
    expect(without).toEqual([]);
    expect(variables.filter(([, selector, label]) => !OF_TARGETS.includes(label!) && !exposed.get(selector!.replace(/\{.*/, ''))?.labels.has(label!)).map(([text]) => text)).toEqual([]);
  });

  it('of our own are all looked at: each is on a dashboard or in an alert', () => {
    const used = new Set(queries.flatMap((query) => namesIn(query).metrics.map(({ name }) => familyOf(name, exposed))));
    expect([...exposed.keys()].filter((name) => name.startsWith('yunke_') && !used.has(name))).toEqual([]);
  });

  it('have the names that Prometheus asks for: base units, and _total for what only grows', () => {
    const own = [...exposed].filter(([name]) => name.startsWith('yunke_'));
    expect(own.filter(([name, { type }]) => (type === 'counter') !== name.endsWith('_total')).map(([name]) => name)).toEqual([]);
    expect(own.filter(([name, { type }]) => type === 'histogram' && !name.endsWith('_seconds')).map(([name]) => name)).toEqual([]);
    expect(own.filter(([name]) => /milli|_ms\b|minutes|[A-Z]/.test(name)).map(([name]) => name)).toEqual([]);
  });

  it('have labels of few values, and none that names an order, a person or an address that was asked for', () => {
    const values = [...exposed].flatMap(([name, { labels }]) => [...labels].flatMap(([label, all]) => [...all].map((value) => ({ name, label, value }))));
    expect(values.filter(({ value }) => /M-4711|kanarie/.test(value))).toEqual([]);
    expect([...exposed].flatMap(([name, { labels }]) => [...labels].filter(([label, all]) => label !== 'le' && all.size > 60).map(([label]) => `${name} ${label}`))).toEqual([]);
    expect(values.filter(({ label, value }) => label === 'route' && value !== 'none' && !value.startsWith('/'))).toEqual([]);
  });

  journey('tell that nothing waits once all has been heard', async (stage) => {
    await stage.eventually(async () => {
      for (const { url } of stage.platform.processes) {
        const text = await (await fetch(`${url}/metrics`)).text();
        const waiting = [...text.matchAll(/^yunke_(?:consumer_lag_records|consumer_lag_seconds|outbox_events|parked_keys|partitions_stopped)\{.*\} (\S+)$/gm)].filter(([, value]) => value !== '0').map(([line]) => line);
        expect(waiting).toEqual([]);
      }
    }, 30_000);
  });
});
