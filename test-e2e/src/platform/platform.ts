import { spawn, type ChildProcess } from 'node:child_process';
import { createWriteStream, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { Client } from 'pg';

import { makeCredentials, type Credentials } from '@yunke/service';
import { eventually } from '@yunke/testing';

import { clearTopics } from './broker.js';

export const SERVICES = ['ingestion', 'identity', 'segmentation', 'orders', 'inventory', 'notifications'] as const;
export type ServiceName = (typeof SERVICES)[number];

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const READY_WITHIN_MS = 60_000;

/** One process of the platform: `all`, or one service. It can be killed, paused and started again on the same data. */
export type PlatformProcess = {
  readonly name: string;
  readonly url: string;
  readonly logFile: string;
  child: ChildProcess;
  /** Starts it (again) and waits until it is ready, or does not wait. */
  start(options?: { env?: Record<string, string>; wait?: boolean }): Promise<void>;
  /** Sends a signal and, unless it only pauses, waits for the end. */
  kill(signal?: NodeJS.Signals): Promise<void>;
};

export type Platform = {
  readonly credentials: Credentials;
  readonly processes: readonly PlatformProcess[];
  readonly directory: string;
  /** Where a test may listen so that the platform reaches it; port 0 for any. */
  readonly hooks: { readonly host: string; readonly port: number };
  process(service: ServiceName): PlatformProcess;
  /** The database of a service, or one of `databases`. */
  databaseUrl(name: string): string;
  /** One more process, which stops with the platform: a replica of a service, or a program of a test. It is not started yet. */
  add(name: string, program: string): Promise<PlatformProcess>;
  /** Moves business time, for every process. */
  advance(ms: number): void;
  stop(): Promise<void>;
};

export type PlatformOptions = {
  /** One process on the embedded log, or a process a service on Kafka. */
  readonly shape: 'one' | 'split';
  /** A Postgres server that has room for our databases. */
  readonly postgresUrl: string;
  readonly brokers?: string;
  readonly env?: Record<string, string>;
  /** More arguments for Node, before the program: the arming module of the faults. */
  readonly nodeArgs?: readonly string[];
  /** Where the compiled platform is; another tree for a mutant. */
  readonly root?: string;
  /** The services to run, when split; all of them unless told. */
  readonly services?: readonly ServiceName[];
  /** Databases for programs of a test, beside those of the services. */
  readonly databases?: readonly string[];
};

/** Starts the platform as its users do, with databases, keys, ports and a clock of its own. */
export async function startPlatform(options: PlatformOptions): Promise<Platform> {
  const directory = mkdtempSync(join(tmpdir(), 'yunke-e2e-'));
  const credentials = await makeCredentials();
  const prefix = `e_${crypto.randomUUID().replaceAll('-', '')}`;
  const clock = join(directory, 'clock');
  writeFileSync(clock, '0');
  const databases = [...SERVICES, 'log', ...(options.databases ?? [])].map((name) => `${prefix}_${name}`);
  await createDatabases(options.postgresUrl, databases);
  if (options.brokers) await clearTopics(options.brokers);
  const template = options.postgresUrl.replace(/\/[^/]*$/, `/${prefix}_{service}`);
  const env = {
    YUNKE_SECRET: credentials.secret, YUNKE_TOKEN_KEYS: credentials.tokenKey, YUNKE_BOOTSTRAP_KEYS: `shop:server:${credentials.writeKey},web:browser:${credentials.browserWriteKey}`,
    YUNKE_DATABASE_URL: template, YUNKE_DATA: directory, YUNKE_CLOCK: clock, YUNKE_LOG_LEVEL: 'info', ...(options.brokers && { KAFKA_BROKERS: options.brokers }), ...options.env,
  };
  const names = options.shape === 'one' ? ['all'] : (options.services ?? SERVICES);
  const settled = { ...options, directory, env };
  const processes = await Promise.all(names.map((name) => prepare(name, programOf(name), settled)));
  await Promise.all(processes.map((one) => one.start())).catch(async (error: unknown) => {
    await Promise.all(processes.map((one) => one.kill()));
    throw error;
  });
  return {
    credentials, processes, directory, hooks: { host: '127.0.0.1', port: 0 },
    process: (service) => processes.find(({ name }) => name === 'all' || name === service)!,
    databaseUrl: (name) => template.replace('{service}', name),
    async add(name, program) {
      const one = await prepare(name, program, settled);
      processes.push(one);
      return one;
    },
    advance: (ms) => writeFileSync(clock, String(Number(readFileSync(clock, 'utf8')) + ms)),
    async stop() {
      await Promise.all(processes.map(({ kill }) => kill('SIGTERM')));
      await dropDatabases(options.postgresUrl, databases);
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** The program of a service, as a path in the compiled platform. */
export const programOf = (service: string): string => `services/${service}/dist/main.js`;

async function prepare(name: string, program: string, { root = ROOT, nodeArgs = [], directory, env }: PlatformOptions & { directory: string; env: Record<string, string> }): Promise<PlatformProcess> {
  const port = await freePort();
  const logFile = join(directory, `${name}.log`);
  const one: PlatformProcess = {
    name, logFile, url: `http://127.0.0.1:${port}`, child: undefined as never,
    async start({ env: more = {}, wait = true } = {}) {
      const child = spawn(process.execPath, ['--disable-warning=TimeoutNegativeWarning', ...nodeArgs, join(root, program)], {
        cwd: root, env: { PATH: process.env['PATH'], ...env, YUNKE_PROCESS: name, ...more, YUNKE_PORT: String(port) }, stdio: ['ignore', 'pipe', 'pipe'],
      });
      const log = createWriteStream(logFile, { flags: 'a' });
      child.stdout.pipe(log, { end: false });
      child.stderr.pipe(log, { end: false });
      one.child = child;
      if (wait) await ready(one);
    },
    async kill(signal = 'SIGKILL') {
      const { child } = one;
      if (!child || child.exitCode !== null || child.signalCode !== null) return;
      if (signal === 'SIGSTOP' || signal === 'SIGCONT') return void child.kill(signal);
      const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
      child.kill(signal);
      if (signal === 'SIGTERM') child.kill('SIGCONT'); // a stopped process would never hear it
      await ended;
    },
  };
  return one;
}

async function ready({ url, child, logFile, name }: PlatformProcess): Promise<void> {
  try {
    await eventually(async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const { status } = await fetch(`${url}/health/ready`);
      if (status !== 200) throw new Error(`${name} answers ${status}`);
    }, READY_WITHIN_MS);
    if (child.exitCode !== null || child.signalCode !== null) throw new Error(`${name} ended with ${child.exitCode ?? child.signalCode}`);
  } catch (error) {
    throw new Error(`${name} did not become ready:\n${readFileSync(logFile, 'utf8').slice(-6_000)}`, { cause: error });
  }
}

async function createDatabases(server: string, names: readonly string[]): Promise<void> {
  await onServer(server, async (client) => {
    for (const name of names) await client.query(`create database ${name}`);
  });
}

async function dropDatabases(server: string, names: readonly string[]): Promise<void> {
  await onServer(server, async (client) => {
    for (const name of names) await client.query(`drop database if exists ${name} with (force)`);
  });
}

async function onServer(server: string, work: (client: Client) => Promise<void>): Promise<void> {
  const client = new Client({ connectionString: server });
  await client.connect();
  try {
    await work(client);
  } finally {
    await client.end();
  }
}

export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer().once('error', reject).listen(0, '127.0.0.1', () => {
      const { port } = probe.address() as AddressInfo;
      probe.close(() => resolve(port));
    });
  });
}
