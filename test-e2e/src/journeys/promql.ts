/** What a query names: metrics with the labels that it matches them by, and the labels that it groups and joins by. */
export type Named = { readonly metrics: readonly { readonly name: string; readonly labels: readonly string[] }[]; readonly grouping: readonly string[] };

const WORDS = new Set(['and', 'or', 'unless', 'bool', 'offset', 'by', 'without', 'on', 'ignoring', 'group_left', 'group_right', 'inf', 'nan']);

/** Reads a PromQL expression that promtool has already found to be one. */
export function namesIn(expression: string): Named {
  const grouping: string[] = [];
  const text = expression.replace(/"(?:[^"\\]|\\.)*"/g, '""').replace(/\[[^\]]*\]/g, '')
    .replace(/\b(?:by|without|on|ignoring|group_left|group_right)\s*\(([^)]*)\)/g, (_all, labels: string) => (grouping.push(...labels.split(',').map((label) => label.trim()).filter(Boolean)), ' '));
  const metrics = [...text.matchAll(/(?<![\w.])([a-zA-Z_:][\w:]*)\s*(\{[^}]*\})?(\s*\()?/g)]
    .filter(([, name, , call]) => !call && !WORDS.has(name!.toLowerCase()))
    .map(([, name, matchers = '']) => ({ name: name!, labels: [...matchers.matchAll(/(\w+)\s*(?:=~|!~|!=|=)/g)].map(([, label]) => label!) }));
  return { metrics, grouping };
}

/** What a process exports: the metrics with their type, and the labels and values of their samples. */
export type Exposed = Map<string, { readonly type: string; readonly labels: Map<string, Set<string>>; series: number }>;

/** Reads Prometheus' text format into `exposed`. */
export function expose(text: string, exposed: Exposed): void {
  for (const [, name, type] of text.matchAll(/^# TYPE (\S+) (\S+)$/gm)) if (!exposed.has(name!)) exposed.set(name!, { type: type!, labels: new Map(), series: 0 });
  for (const [, name, labels = ''] of text.matchAll(/^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? \S+$/gm)) {
    const metric = exposed.get(familyOf(name!, exposed))!;
    metric.series += 1;
    for (const [, label, value] of labels.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)) metric.labels.set(label!, (metric.labels.get(label!) ?? new Set()).add(value!));
  }
}

/** The metric that a sample belongs to: a histogram's samples have names of their own. */
export function familyOf(sample: string, exposed: Exposed): string {
  const family = sample.replace(/_(?:bucket|sum|count)$/, '');
  return exposed.has(sample) ? sample : family;
}
