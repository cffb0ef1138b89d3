import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { parseAllDocuments } from 'yaml';

export const CHART = fileURLToPath(new URL('../../../charts/yunke', import.meta.url));
const KUBE_VERSION = '1.34.0';

/** A Kubernetes object as it stands in a manifest. */
export type Manifest = { readonly kind: string; readonly apiVersion: string; readonly metadata: any; readonly spec?: any; readonly data?: any };

/** The value profiles of the chart's tests, without their ending. */
export const profiles = readdirSync(join(CHART, 'ci')).map((file) => file.replace('.yaml', ''));

/** What helm says to the chart with these arguments. */
export function helm(program: string, ...args: string[]): { status: number | null; out: string; problem: string } {
  const { status, stdout, stderr } = spawnSync(program, [args[0]!, ...(args[0] === 'template' ? ['yunke'] : []), CHART, ...args.slice(1), '--kube-version', KUBE_VERSION], { encoding: 'utf8', maxBuffer: 64e6 });
  return { status, out: stdout, problem: stderr };
}

/** The manifests of a profile. @throws Error with helm's words */
export function render(program: string, profile: string, ...sets: string[]): Manifest[] {
  const { status, out, problem } = helm(program, 'template', '-f', join(CHART, 'ci', `${profile}.yaml`), ...sets.flatMap((set) => ['--set', set]));
  if (status !== 0) throw new Error(problem);
  return parseAllDocuments(out, { uniqueKeys: true }).map((document) => {
    if (document.errors.length > 0) throw document.errors[0]!;
    return document.toJS() as Manifest | null;
  }).filter((manifest) => manifest !== null);
}
