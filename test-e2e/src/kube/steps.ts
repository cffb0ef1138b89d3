import { setTimeout as pause } from 'node:timers/promises';

import { eventually } from '@yunke/testing';

import { SERVICES } from '../platform/platform.js';
import { tryFlows, type FlowsResult } from './flows.js';
import { OURS, serviceOf, type Image, type Installation } from './installation.js';
import { playJourneys } from './journeys.js';
import type { Outside } from './outside.js';
import type { Loss, Trial } from './trial.js';

export type Setting = { readonly trial: Trial; readonly installation: Installation; readonly outside: Outside; readonly host: string; readonly image: Image; readonly nextTag: string };

/** What the steps found, as `--json` writes it. */
export type Figures = { journeys_passed: number; journeys_failed: number; upgrade_requests: number; upgrade_not_2xx: number; lost: number; doubled: number; reordered: number; denied_flows_held: number; allowed_flows_held: number };

/** A step says in a line what it saw. @throws Error when it did not pass */
export type Step = (setting: Setting, figures: Figures) => Promise<string>;

const DOOR = `${OURS},app.kubernetes.io/component=ingestion`;
const DELETING_MS = 90_000;
/** Of pino. */
const WARN = 40;
const OBSERVATIONS_PER_SECOND = 90;

export const STEPS: Readonly<Record<string, Step>> = {
  async install({ installation, image, outside, host }) {
    const startedAt = performance.now();
    await installation.install(image, outside, host);
    const pods = await installation.cluster.pods(OURS);
    await installation.cluster.kubectl('exec', `deploy/${serviceOf('ingestion')}`, '--', 'yunke', 'topics', 'check');
    return `${pods.length} pods ready after ${Math.round((performance.now() - startedAt) / 1_000)} s, under Pod Security restricted, Kafka by TLS and SCRAM, PostgreSQL by TLS`;
  },

  async journeys({ trial, installation, outside }, figures) {
    const { passed, failed, problems } = await playJourneys({ credentials: installation.credentials, urls: await trial.urls(), databaseUrl: outside.postgres.url, hooks: outside.hooks }, outside.kafka.brokers);
    trial.cluster.closeForwards();
    Object.assign(figures, { journeys_passed: passed, journeys_failed: failed });
    if (failed > 0 || passed === 0) throw new Error(`${passed} passed, ${failed} failed\n${problems.join('\n')}`);
    return `${passed} passed through a port-forward`;
  },

  async flows({ trial, image, outside, host }, figures) {
    const { allowed, denied, wrong }: FlowsResult = await tryFlows(trial.cluster, `${image.repository}:${image.tag}`, { host, kafkaPort: outside.kafka.port, postgresPort: outside.postgres.port });
    Object.assign(figures, { allowed_flows_held: allowed, denied_flows_held: denied });
    if (wrong.length > 0) throw new Error(wrong.join('; '));
    return `${denied} denied flows held, ${allowed} allowed ones too`;
  },

  async logs({ trial: { cluster } }) {
    const pods = await cluster.pods(OURS);
    const lines = (await Promise.all(pods.map((pod) => cluster.kubectl('logs', pod)))).map((text) => text.trim().split('\n'));
    const silent = pods.filter((_pod, index) => !lines[index]!.some((line) => line.includes('"msg":"ready"')));
    if (silent.length > 0) throw new Error(`not a word of being ready: ${silent.join(', ')}`);
    const loud = lines.flat().filter((line) => Number(/"level":(\d+)/.exec(line)?.[1] ?? WARN) >= WARN);
    if (loud.length > 0) throw new Error(`warnings on a healthy install: ${loud.slice(0, 5).join('\n')}`);
    return `${pods.length} pods said that they are ready and nothing that would alarm anybody`;
  },

  async upgrade({ trial, installation, nextTag }, figures) {
    const doors = await trial.cluster.pods(DOOR);
    const loss = await trial.underLoad('upgrade', OBSERVATIONS_PER_SECOND, async () => {
      await installation.upgrade(`image.tag=${nextTag}`);
      await trial.cluster.gone(doors); // also their last moments are under load
    });
    Object.assign(figures, { upgrade_requests: loss.requests, upgrade_not_2xx: loss.not2xx });
    const images = await installation.images();
    if (images.length !== 1 || !images[0]!.endsWith(`:${nextTag}`)) throw new Error(`pods run ${images.join(', ')}`);
    if (loss.not2xx > 0) throw new Error(`${loss.not2xx} of ${loss.requests} requests were not answered with 2xx within 5 s: ${loss.troubles.slice(0, 12).join(', ')}; ${judged(loss, figures)}`);
    if (loss.longestGapMs > 5_000) throw new Error(`nothing was accepted for ${loss.longestGapMs} ms`);
    return `${loss.requests} requests in ${loss.seconds} s, across ${doors.length} renewed pods of ingestion, all answered with 2xx within 5 s; ${judged(loss, figures)}`;
  },

  async deleted({ trial }, figures) {
    let deleted = 0;
    const loss = await trial.underLoad('deleted', OBSERVATIONS_PER_SECOND, async () => {
      for (const until = Date.now() + DELETING_MS; Date.now() < until; await pause(4_000)) {
        const component = SERVICES[deleted % SERVICES.length]!;
        const [pod] = await trial.cluster.pods(`${OURS},app.kubernetes.io/component=${component}`);
        if (!pod) continue;
        const abruptly = (deleted + Math.floor(deleted / SERVICES.length)) % 2 === 1; // each service once so and once so
        deleted += 1;
        await trial.cluster.kubectl('delete', 'pod', pod, '--wait=false', ...(abruptly ? ['--grace-period=0', '--force'] : []));
      }
    });
    await trial.cluster.kubectl('wait', '--for=condition=Available', '--timeout=300s', 'deployment', '--selector', OURS);
    return `${deleted} pods deleted, every second one without grace; ${judged(loss, figures)}`;
  },

  async autoscaling({ trial, installation }, figures) {
    const ready = async (count: number): Promise<void> => eventually(async () => {
      const { status } = await trial.cluster.json<{ status: { readyReplicas?: number; replicas?: number } }>('get', 'deployment', serviceOf('ingestion'));
      if (status.readyReplicas !== count || status.replicas !== count) throw new Error(`${status.readyReplicas ?? 0} of ${status.replicas ?? 0} pods are ready, ${count} were expected`);
    }, 420_000);
    const scaling = ['type=hpa', 'min=1', 'max=3', 'cpuPercent=100', 'scaleDownSeconds=15'].map((one) => `services.ingestion.autoscaling.${one}`);
    await installation.upgrade(...scaling);
    await ready(1);
    const more = await trial.underLoad('more', 600, () => ready(3));
    const less = await trial.underLoad('less', 10, () => ready(1));
    return `ingestion 1 → 3 in ${more.seconds} s: ${judged(more, figures)}; and 3 → 1 in ${less.seconds} s: ${judged(less, figures)}`;
  },

  async rollback({ installation, image, trial }, figures) {
    await installation.rollback(1);
    const images = await installation.images();
    if (images.length !== 1 || !images[0]!.endsWith(`:${image.tag}`)) throw new Error(`pods run ${images.join(', ')}`);
    const loss = await trial.underLoad('rollback', OBSERVATIONS_PER_SECOND, () => pause(5_000));
    return `back on ${image.tag}; ${judged(loss, figures)}`;
  },

  async uninstall({ installation, trial }) {
    await installation.uninstall();
    await eventually(async () => {
      const left = (await trial.cluster.everything()).filter((name) => !installation.before.includes(name));
      if (left.length > 0) throw new Error(`left behind: ${left.join(', ')}`);
    }, 90_000);
    return 'nothing left behind, of any kind';
  },
};

function judged({ lost, doubled, reordered, requests, notes }: Loss, figures: Figures): string {
  figures.lost += lost;
  figures.doubled += doubled;
  figures.reordered += reordered;
  if (lost + doubled + reordered > 0) throw new Error(`of ${requests} requests ${lost} lost, ${doubled} doubled, ${reordered} reordered: ${notes.slice(0, 5).join('; ')}`);
  return `${requests} requests, nothing lost, doubled or reordered`;
}
