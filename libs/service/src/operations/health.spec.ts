import { createServer, connect, type AddressInfo, type Socket } from 'node:net';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { Controller, Get, Module } from '@nestjs/common';
import { Client } from 'pg';

import { eventually } from '@yunke/testing';

import { Public } from '../auth.js';
import { makeCredentials } from '../credentials.js';
import { run, type Running } from '../run.js';
import type { Service } from '../service.js';

@Controller('api/teas')
class TeaController {
  @Get(':name') @Public()
  tea(): object {
    return {};
  }
}

@Module({ controllers: [TeaController] })
class TeasModule {}

const teas: Service = { name: 'teas', module: TeasModule, routes: ['/api/teas'], migrations: [] };

/** A way to the run's Postgres that can be cut and mended, or left open while nothing comes through. */
async function wayToPostgres() {
  const { hostname, port } = new URL(process.env['TEST_POSTGRES_URL']!);
  const sockets = new Set<Socket>();
  let silent = false;
  const server = createServer((here) => {
    const there = connect(Number(port), hostname);
    for (const [socket, other] of [[here, there], [there, here]] as const) {
      sockets.add(socket);
      socket.on('data', (bytes) => silent || other.write(bytes)).on('error', () => undefined).on('close', () => (sockets.delete(socket), other.destroy()));
    }
  });
  const listen = (at: number) => new Promise<void>((resolve) => server.listen(at, '127.0.0.1', resolve));
  await listen(0);
  const { port: own } = server.address() as AddressInfo;
  const cut = async (): Promise<void> => {
    const closed = new Promise((resolve) => server.close(resolve));
    for (const socket of sockets) socket.destroy();
    await closed;
  };
  await cut();
  return { port: own, cut, mend: () => listen(own), silence: (on: boolean) => { silent = on; } };
}

describe('a process whose database is away', () => {
  let way: Awaited<ReturnType<typeof wayToPostgres>>;
  let starting: Promise<Running>;
  let url: string;
  const directory = mkdtempSync(join(tmpdir(), 'yunke-health-'));
  const status = async (path: string): Promise<number> => (await fetch(url + path)).status;
  const metric = async (name: string): Promise<string | undefined> => new RegExp(`^${name}(?:{[^}]*})? (\\S+)$`, 'm').exec(await (await fetch(`${url}/metrics`)).text())?.[1];
  const prefix = `h_${crypto.randomUUID().replaceAll('-', '')}`;
  const onServer = async (statement: (name: string) => string): Promise<void> => {
    const client = new Client({ connectionString: process.env['TEST_POSTGRES_URL']! });
    await client.connect();
    for (const name of ['teas', 'log']) await client.query(statement(`${prefix}_${name}`));
    await client.end();
  };

  beforeAll(async () => {
    await onServer((name) => `create database ${name}`);
    way = await wayToPostgres();
    const credentials = await makeCredentials();
    const free = createServer();
    const port = await new Promise<number>((resolve) => free.listen(0, '127.0.0.1', () => resolve((free.address() as AddressInfo).port)));
    await new Promise((resolve) => free.close(resolve));
    url = `http://127.0.0.1:${port}`;
    const postgres = new URL(process.env['TEST_POSTGRES_URL']!);
    postgres.port = String(way.port);
    starting = run([teas], { environment: {
      YUNKE_DATABASE_URL: postgres.href.replace(/\/[^/]*$/, `/${prefix}_{service}`), YUNKE_PORT: String(port), YUNKE_DATA: directory,
      YUNKE_SECRET: credentials.secret, YUNKE_TOKEN_KEYS: credentials.tokenKey, YUNKE_LOG_LEVEL: 'silent',
    } });
    await eventually(() => fetch(`${url}/health/live`));
  });
  afterAll(async () => {
    await (await starting).stop();
    await way.cut();
    await onServer((name) => `drop database ${name} with (force)`);
    rmSync(directory, { recursive: true, force: true });
  });

  it('lives and is not ready before it could start, and asks to come back', async () => {
    const [live, ready, refused] = await Promise.all([fetch(`${url}/health/live`), fetch(`${url}/health/ready`), fetch(`${url}/api/teas/green`)]);

    expect([live.status, ready.status, refused.status, refused.headers.get('retry-after')]).toEqual([200, 503, 503, '1']);
    expect(await ready.json()).toMatchObject({ error: { teas: { status: 'down', message: 'starting' } } });
    expect(await refused.json()).toMatchObject({ code: 'service.starting' });
    expect(await metric('yunke_http_refused_requests_total')).toBe('1');
  });

  it('is ready once the database is there, and tells a route by its template', async () => {
    await way.mend();
    await starting;

    expect(await Promise.all(['/health/live', '/health/ready', '/api/teas/green', '/api/teas/black', '/nowhere'].map(status))).toEqual([200, 200, 200, 200, 404]);
    expect(await metric('yunke_database_up')).toBe('1');
    expect(await (await fetch(`${url}/metrics`)).text()).toContain('yunke_http_request_duration_seconds_count{service="teas",method="GET",route="/api/teas/:name",status="200"} 2');
  });

  it('lives on without the database, is not ready, and tells why', async () => {
    await way.cut();
    await eventually(async () => expect(await status('/health/ready')).toBe(503));

    expect(await status('/health/live')).toBe(200);
    expect(await metric('yunke_database_up')).toBe('0');
    await way.mend();
    await eventually(async () => expect([await status('/health/ready'), await metric('yunke_database_up')]).toEqual([200, '1']));
  });

  it('answers for its metrics in time though the database is silent', async () => {
    way.silence(true);
    const since = performance.now();
    expect(await metric('yunke_database_up')).toBe('0');
    expect(performance.now() - since).toBeLessThan(4_000);
    expect(await status('/health/live')).toBe(200);
    way.silence(false);
    await way.cut();
    await way.mend();
    await eventually(async () => expect(await status('/health/ready')).toBe(200));
  });
});
