import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

import { findHelm } from '../../../deploy/dev/helm.mjs';
import { buildImage, imageMissing } from '../../../deploy/image/build.mjs';
import { orUsage } from '../platform/or-usage.js';
import { Cluster } from './kubectl.js';
import { Installation, type Image } from './installation.js';
import { startOutside } from './outside.js';
import { STEPS, type Figures } from './steps.js';
import { Trial } from './trial.js';

const USAGE = `npm run e2e:kube [-- options], on the cluster that KUBECONFIG names

  --only STEP,STEP     these; without it all
  --image REPOSITORY   one that the cluster has, in both tags; without it the image is built
  --tag T, --next-tag T
  --load 'COMMAND'     takes the archive of a built image to the cluster
  --host ADDRESS       of this machine, as pods reach it: Kafka and PostgreSQL are started there
  --json FILE          write what was seen

steps: ${Object.keys(STEPS).join(' ')}
`;

const { wanted, ...values } = orUsage(() => {
  const { values: given } = parseArgs({
    options: {
      json: { type: 'string' }, only: { type: 'string' }, image: { type: 'string' }, tag: { type: 'string', default: '0.1.0' }, 'next-tag': { type: 'string', default: '0.1.1' },
      load: { type: 'string' }, host: { type: 'string', default: '10.99.0.1' },
    },
  });
  const steps = given.only?.split(',') ?? Object.keys(STEPS);
  const unknown = steps.filter((name) => !Object.hasOwn(STEPS, name));
  if (unknown.length > 0) throw new Error(`There is no step ${unknown.join(', ')}.`);
  return { ...given, wanted: steps };
}, USAGE);

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));

const image: Image = { repository: values.image ?? 'localhost/yunke', tag: values.tag };
const imageMb = values.image ? undefined : buildAndLoad(image, values['next-tag']);
const { helm, missing } = findHelm();
if (!helm) throw new Error(`missing: ${missing}`);

const figures: Figures = { journeys_passed: 0, journeys_failed: 0, upgrade_requests: 0, upgrade_not_2xx: 0, lost: 0, doubled: 0, reordered: 0, denied_flows_held: 0, allowed_flows_held: 0 };
const results: Record<string, { passed: boolean; said: string }> = {};
const outside = await startOutside(values.host);
const cluster = new Cluster(`yunke-e2e-${Date.now().toString(36)}`, helm);
try {
  const installation = await Installation.prepare(cluster, outside);
  const setting = { trial: new Trial(installation, cluster, outside, image), installation, outside, host: values.host, image, nextTag: values['next-tag'] };
  for (const [name, step] of Object.entries(STEPS).filter(([one]) => wanted.includes(one))) {
    results[name] = await step(setting, figures).then((said) => ({ passed: true, said }), (error: Error) => ({ passed: false, said: error.message }));
    console.log(`${results[name].passed ? 'ok  ' : 'FAIL'} ${name}: ${results[name].said}`);
    if (!results[name].passed) console.log(await cluster.trouble());
    if (name === 'install' && !results[name].passed) break; // nothing to try the others on
  }
} finally {
  cluster.closeForwards();
  await cluster.kubectl('delete', 'namespace', cluster.namespace, '--wait=false').catch(() => undefined);
  await outside.stop();
}

const failed = wanted.filter((name) => !results[name]?.passed);
if (values.json) writeFileSync(values.json, `${JSON.stringify({ ...figures, ...(imageMb && { image_mb: imageMb }), steps: results }, null, 2)}\n`);
console.log(`${wanted.length - failed.length} passed, ${failed.length} failed${failed.length > 0 ? `: ${failed.join(', ')}` : ''}`);
process.exit(failed.length > 0 ? 1 : 0);

/** Builds the image and hands it to the cluster under both tags. Returns its size in MB. */
function buildAndLoad({ repository, tag }: Image, next: string): number {
  const lacking = imageMissing();
  if (lacking) throw new Error(`The image cannot be built here, missing: ${lacking}. Name one that the cluster has with --image and --tag.`);
  if (!values.load) throw new Error('--load COMMAND is missing: what gives image archives to the nodes, such as "kube load"');
  const directory = mkdtempSync(join(tmpdir(), 'yunke-image-'));
  try {
    const archives = { [`${repository}:${tag}`]: join(directory, 'first.tar'), [`${repository}:${next}`]: join(directory, 'next.tar') };
    const mb = buildImage(archives, (line) => console.log(`image: ${line}`));
    execFileSync('sh', ['-c', `${values.load} "$@"`, 'sh', ...Object.values(archives)], { stdio: 'inherit' });
    return mb;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
