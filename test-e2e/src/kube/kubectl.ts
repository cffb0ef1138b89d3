import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { promisify } from 'node:util';

import { eventually } from '@yunke/testing';

import { freePort } from '../platform/platform.js';

const call = promisify(execFile);

/** A namespace of the cluster that KUBECONFIG names, through kubectl and helm. */
export class Cluster {
  readonly #forwards = new Set<ChildProcess>();

  constructor(readonly namespace: string, private readonly helmProgram: string) {
    process.on('exit', () => this.#forwards.forEach((child) => child.kill('SIGKILL')));
  }

  /** What kubectl prints. @throws Error with its words */
  kubectl(...args: string[]): Promise<string> {
    return run('kubectl', ['--namespace', this.namespace, ...args]);
  }

  helm(...args: string[]): Promise<string> {
    return run(this.helmProgram, ['--namespace', this.namespace, ...args]);
  }

  async json<T>(...args: string[]): Promise<T> {
    return JSON.parse(await this.kubectl(...args, '--output', 'json')) as T;
  }

  async apply(...manifests: object[]): Promise<void> {
    const list = JSON.stringify({ apiVersion: 'v1', kind: 'List', items: manifests });
    await new Promise<void>((resolve, reject) => {
      const child = execFile('kubectl', ['--namespace', this.namespace, 'apply', '--filename', '-'], (error, _out, problem) => (error ? reject(new Error(problem)) : resolve()));
      child.stdin!.end(list);
    });
  }

  /** Names of the pods with these labels, those that are ending left out. */
  async pods(selector: string): Promise<string[]> {
    const { items } = await this.json<{ items: { metadata: { name: string; deletionTimestamp?: string } }[] }>('get', 'pods', '--selector', selector);
    return items.filter(({ metadata }) => !metadata.deletionTimestamp).map(({ metadata }) => metadata.name);
  }

  /** Returns when pods of these names are there no more, not even to end. */
  async gone(names: readonly string[]): Promise<void> {
    await eventually(async () => {
      const there = (await this.kubectl('get', 'pods', '--output', 'name')).trim().split('\n').map((name) => name.replace('pod/', ''));
      const left = names.filter((name) => there.includes(name));
      if (left.length > 0) throw new Error(`still there: ${left.join(', ')}`);
    }, 120_000);
  }

  /** The pods, and what Kubernetes warns of: for whoever must find out why a step failed. Never rejects. */
  async trouble(): Promise<string> {
    const asked = [['get', 'pods', '--output', 'wide'], ['get', 'events', '--field-selector', 'type=Warning', '--sort-by', '.lastTimestamp']];
    return (await Promise.all(asked.map((args) => this.kubectl(...args).catch(({ message }: Error) => message)))).join('\n');
  }

  /** Everything in the namespace by kind and name, but what Kubernetes keeps there by itself. */
  async everything(): Promise<string[]> {
    const kinds = (await this.kubectl('api-resources', '--namespaced', '--verbs=list,delete', '--output', 'name')).trim().split('\n').filter((kind) => !kind.startsWith('events'));
    const names = (await this.kubectl('get', kinds.join(','), '--output', 'name', '--ignore-not-found')).trim().split('\n').filter(Boolean);
    return names.filter((name) => name !== 'serviceaccount/default' && name !== 'configmap/kube-root-ca.crt');
  }

  /** Forwards a free port of this machine to a Service; returns the URL. It lives until `closeForwards`, or until its pod ends. */
  async forward(service: string): Promise<string> {
    const port = await freePort();
    const child = spawn('kubectl', ['--namespace', this.namespace, 'port-forward', `service/${service}`, `${port}:8080`], { stdio: 'ignore' });
    this.#forwards.add(child);
    const url = `http://127.0.0.1:${port}`;
    await eventually(async () => {
      const { status } = await fetch(`${url}/health/ready`);
      if (status !== 200) throw new Error(`${service} answers ${status}`);
    }, 30_000);
    return url;
  }

  closeForwards(): void {
    for (const child of this.#forwards) child.kill('SIGTERM');
    this.#forwards.clear();
  }
}

async function run(command: string, args: readonly string[]): Promise<string> {
  try {
    return (await call(command, args, { maxBuffer: 64e6 })).stdout;
  } catch (error) {
    const { stderr, message } = error as { stderr?: string; message: string };
    throw new Error(`${command} ${args.slice(2, 5).join(' ')}: ${(stderr || message).trim().slice(-2_000)}`, { cause: error });
  }
}
