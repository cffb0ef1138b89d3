import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { startEmbeddedPostgres, type EmbeddedPostgres } from '@yunke/postgres';
import { eventually } from '@yunke/testing';

import { freePort } from '../platform/platform.js';

/** A real Postgres that really writes (fsync on), which can be killed and comes back on the same port with the same data. */
export type KillablePostgres = {
  readonly url: string;
  /** kill -9 of the postmaster; returns when it is gone. Its backends notice and end by themselves. */
  kill(): Promise<void>;
  /** Crash recovery; returns when it accepts connections. */
  start(): Promise<void>;
  stop(): Promise<void>;
};

export async function startKillablePostgres(): Promise<KillablePostgres> {
  const directory = mkdtempSync(join(tmpdir(), 'yunke-faults-'));
  const port = await freePort();
  const launch = (): Promise<EmbeddedPostgres> => startEmbeddedPostgres({ directory, maxConnections: 300, settings: [`port=${port}`] });
  let server = await launch();
  const killed = (): void => void (isAlive(server.pid) && process.kill(server.pid, 'SIGKILL'));
  process.on('exit', killed);
  return {
    url: `postgres://postgres@127.0.0.1:${port}/postgres`,
    async kill() {
      process.kill(server.pid, 'SIGKILL');
      await eventually(() => {
        if (isAlive(server.pid)) throw new Error('the postmaster is still there');
      });
    },
    // The memory of the dead server may be in use until its last backend has noticed.
    start: () => eventually(async () => void (server = await launch()), 20_000),
    async stop() {
      await server.stop();
      process.off('exit', killed);
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
