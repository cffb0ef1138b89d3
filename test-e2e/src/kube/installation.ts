import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { bootstrapKeys, makeCredentials, type Credentials } from '@yunke/service';

import { SERVICES } from '../platform/platform.js';
import type { Cluster } from './kubectl.js';
import type { Outside } from './outside.js';

const CHART = fileURLToPath(new URL('../../../charts/yunke', import.meta.url));
const WITHIN = '12m';
const RELEASE = 'yunke';
export const OURS = `app.kubernetes.io/instance=${RELEASE}`;

export type Image = { readonly repository: string; readonly tag: string };

/** The chart, installed as a platform team does: secrets first, then values in a file. */
export class Installation {
  readonly #directory = mkdtempSync(join(tmpdir(), 'yunke-values-'));

  private constructor(readonly cluster: Cluster, readonly credentials: Credentials, /** What was in the namespace before. */ readonly before: readonly string[]) {}

  /** Namespace under Pod Security `restricted` and the secrets that the chart names. */
  static async prepare(cluster: Cluster, outside: Outside): Promise<Installation> {
    const credentials = await makeCredentials();
    const secret = (name: string, stringData: Record<string, string>): object => ({ apiVersion: 'v1', kind: 'Secret', metadata: { name }, stringData });
    await cluster.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: cluster.namespace, labels: { 'pod-security.kubernetes.io/enforce': 'restricted', 'pod-security.kubernetes.io/enforce-version': 'latest' } } });
    await cluster.apply(
      secret('yunke-platform', { secret: credentials.secret, 'token-keys': credentials.tokenKey, 'write-keys': bootstrapKeys(credentials) }),
      secret('yunke-database', { username: outside.user, password: outside.password }),
      secret('yunke-kafka', { username: outside.user, password: outside.scramPassword }),
      secret('outside-ca', { 'ca.crt': outside.ca }),
    );
    return new Installation(cluster, credentials, await cluster.everything());
  }

  async install(image: Image, outside: Outside, host: string): Promise<void> {
    writeFileSync(join(this.#directory, 'values.json'), JSON.stringify(values(image, outside, host)));
    await this.cluster.helm('install', RELEASE, CHART, '--values', join(this.#directory, 'values.json'), '--wait', '--timeout', WITHIN);
  }

  /** An upgrade that keeps all other values. Returns when the new pods are ready. */
  async upgrade(...sets: readonly string[]): Promise<void> {
    await this.cluster.helm('upgrade', RELEASE, CHART, '--reuse-values', ...sets.flatMap((set) => ['--set', set]), '--wait', '--timeout', WITHIN);
  }

  async rollback(revision: number): Promise<void> {
    await this.cluster.helm('rollback', RELEASE, String(revision), '--wait', '--timeout', WITHIN);
  }

  async uninstall(): Promise<void> {
    await this.cluster.helm('uninstall', RELEASE, '--wait', '--timeout', WITHIN);
    rmSync(this.#directory, { recursive: true, force: true });
  }

  /** The images that pods of ours run now. */
  async images(): Promise<string[]> {
    const { items } = await this.cluster.json<{ items: { metadata: { deletionTimestamp?: string }; spec: { containers: { image: string }[] } }[] }>('get', 'pods', '--selector', OURS);
    return [...new Set(items.filter(({ metadata }) => !metadata.deletionTimestamp).flatMap(({ spec }) => spec.containers.map(({ image }) => image)))];
  }
}

export const serviceOf = (name: string): string => `${RELEASE}-${name}`;

/** One pod a service but for the two that the load meets first, so that it fits a small machine. */
function values({ repository, tag }: Image, outside: Outside, host: string): object {
  const two = { replicas: 2 };
  const there = [{ ipBlock: { cidr: `${host}/32` } }];
  return {
    image: { repository, tag },
    platform: { existingSecret: 'yunke-platform', bootstrapKeysKey: 'write-keys', partitions: 6 },
    kafka: {
      brokers: [`${host}:${outside.kafka.port}`], tls: { enabled: true, caSecret: 'outside-ca' },
      sasl: { mechanism: 'SCRAM-SHA-512', existingSecret: 'yunke-kafka' },
    },
    database: { host, port: outside.postgres.port, existingSecret: 'yunke-database', caSecret: 'outside-ca' },
    defaults: { replicas: 1, resources: { requests: { cpu: '50m', memory: '128Mi' }, limits: { memory: '512Mi' } } },
    services: { ...Object.fromEntries(SERVICES.map((name) => [name, {}])), ingestion: two, orders: two, notifications: { env: { YUNKE_EGRESS_ALLOW: `${host}/32` } } },
    networkPolicy: { kafkaTo: there, postgresTo: there, webhookTo: there, webhookPorts: [outside.hooks.port] },
  };
}
