import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import { eventually } from '@yunke/testing';

import type { Journal, Sent } from '../faults/load/journal.js';
import type { Cluster } from './kubectl.js';

const FILES = ['in-pod.js', 'load.js', 'lane.js', 'journal.js'];
const FOLDER = fileURLToPath(new URL('../faults/load/', import.meta.url));

/** A pod of the image that runs another program under the rules of Pod Security `restricted`. */
export function restrictedPod(name: string, image: string, { labels = {}, args, env = {}, files }: { labels?: Record<string, string>; args: string[]; env?: Record<string, string>; files?: string }): object {
  return {
    apiVersion: 'v1', kind: 'Pod', metadata: { name, labels: { app: name, ...labels } },
    spec: {
      restartPolicy: 'Never', automountServiceAccountToken: false, enableServiceLinks: false, terminationGracePeriodSeconds: 1,
      securityContext: { runAsNonRoot: true, runAsUser: 65_532, seccompProfile: { type: 'RuntimeDefault' } },
      containers: [{
        name, image, imagePullPolicy: 'IfNotPresent', command: ['/opt/yunke/bin/node'], args, env: Object.entries(env).map(([key, value]) => ({ name: key, value })),
        securityContext: { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: ['ALL'] } },
        resources: { requests: { cpu: '20m', memory: '64Mi' }, limits: { memory: '256Mi' } },
        volumeMounts: [{ name: 'tmp', mountPath: '/tmp' }, ...(files ? [{ name: 'files', mountPath: '/files' }] : [])],
      }],
      volumes: [{ name: 'tmp', emptyDir: {} }, ...(files ? [{ name: 'files', configMap: { name: files } }] : [])],
    },
  };
}

/** What a load in a pod sent and was answered, as its journal has it. */
export type Sending = Pick<Journal, 'accepted' | 'quarantined' | 'tries' | 'causes' | 'duplicates' | 'longestGapMs' | 'lastAcceptedAt'> & { readonly startedAt: number; readonly problem: string; /** When, and what, instead of a 202. */ readonly troubles: readonly string[] };

export type LoadPodOptions = { readonly section: string; readonly image: string; readonly target: string; readonly writeKey: string; readonly perSecond: number };

/** Steady load from a pod, through the Service, as a client in the cluster sends it. */
export class LoadPod {
  private constructor(private readonly cluster: Cluster, private readonly name: string) {}

  static async start(cluster: Cluster, { section, image, target, writeKey, perSecond }: LoadPodOptions): Promise<LoadPod> {
    const data = Object.fromEntries([...FILES.map((file) => [file, readFileSync(`${FOLDER}${file}`, 'utf8')]), ['package.json', '{"type":"module"}']]);
    const name = `load-${section}`;
    await cluster.apply({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'load', labels: { app: name } }, data }, restrictedPod(name, image, {
      labels: { 'yunke.dev/client': 'true' }, args: ['/files/in-pod.js'], files: 'load', env: { SECTION: section, WRITE_KEY: writeKey, TARGET: target, PER_SECOND: String(perSecond) },
    }));
    await cluster.kubectl('wait', '--for=condition=Ready', '--timeout=120s', `pod/${name}`);
    return new LoadPod(cluster, name);
  }

  /** Ends it and returns its journal. @throws Error when what was sent could not all be delivered */
  async stop(): Promise<Sending> {
    await this.cluster.kubectl('exec', this.name, '--', '/opt/yunke/bin/node', '-e', 'process.kill(1, "SIGTERM")');
    await eventually(async () => {
      const { status } = await this.cluster.json<{ status: { phase: string } }>('get', 'pod', this.name);
      if (status.phase !== 'Succeeded') throw new Error(`the load is ${status.phase}`);
    }, 120_000);
    const sending = JSON.parse((await this.cluster.kubectl('logs', this.name)).trim().split('\n').at(-1)!) as Sending;
    await this.cluster.kubectl('delete', 'pod,configmap', '--selector', `app=${this.name}`);
    if (sending.problem) throw new Error(sending.problem);
    return sending;
  }
}

export const requestsOf = ({ tries }: Sending): { requests: number; not2xx: number } => {
  const requests = Object.values(tries).reduce((sum, count) => sum + count, 0);
  return { requests, not2xx: requests - (tries['202'] ?? 0) };
};

/** What the oracle reads of a journal. */
export const journalOf = (sending: Sending): Journal => ({ accepted: sending.accepted as Sent[], quarantined: sending.quarantined }) as Journal;
