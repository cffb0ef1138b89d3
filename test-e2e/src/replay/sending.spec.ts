import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

import { eventually } from '@yunke/testing';

import { untilDigested } from './digesting.js';
import { Lanes, type Batch } from './lanes.js';
import type { Observation } from './mapping.js';
import { PlatformApi, retryAfterMs } from './platform-api.js';

describe('sending', () => {
  const said = (key: string, n: number): Observation => ({ key, lines: 1, body: { type: 'OrderObserved', messageId: `${key}-${n}`, occurredAt: '2010-12-01T08:26:00.000Z' } });

  it('awaits the batch before, so that what has one key arrives in order', async () => {
    const arrived: string[] = [];
    let batches = 0; // every other one is slow
    const lanes = new Lanes(async ({ body }: Batch) => {
      const ids = (JSON.parse(body) as { observations: { messageId: string }[] }).observations.map(({ messageId }) => messageId);
      for (let turns = (batches += 1) % 2 === 1 ? 5 : 1; turns > 0; turns -= 1) await new Promise((resolve) => setImmediate(resolve));
      arrived.push(...ids);
    });
    for (let n = 0; n < 1_000; n += 1) for (const key of ['ada', 'bob', 'eve']) await lanes.add(said(key, n));
    await lanes.finish();

    for (const key of ['ada', 'bob', 'eve']) expect(arrived.filter((id) => id.startsWith(key))).toEqual(Array.from({ length: 1_000 }, (_, n) => `${key}-${n}`));
  });

  it('stops at what the platform refuses, and refuses an observation that is too large by itself', async () => {
    const refusing = new Lanes(async () => { throw new Error('422'); });
    await refusing.add(said('ada', 1));
    await expect(refusing.finish()).rejects.toThrow('422');
    await expect(refusing.add({ ...said('ada', 2), body: { ...said('ada', 2).body, name: 'x'.repeat(300_000) } })).rejects.toThrow('256 KB');
  });

  it('asks again after 503, after a broken connection and while nobody listens', async () => {
    const answers: ((request: IncomingMessage, response: ServerResponse) => void)[] = [
      (_, response) => response.writeHead(503, { 'retry-after': '0' }).end(),
      (request) => request.socket.destroy(),
      (_, response) => void response.writeHead(202, { 'content-length': '50' }).write('{', () => response.destroy()),
      (_, response) => response.writeHead(202).end('{"accepted":1}'),
    ];
    const troubles: (string | undefined)[] = [];
    const door = createServer((request, response) => answers.shift()!(request, response));
    await new Promise<void>((resolve) => door.listen(0, '127.0.0.1', resolve));
    const { port } = door.address() as AddressInfo;
    door.close();
    const api = new PlatformApi({ urls: { ingestion: `http://127.0.0.1:${port}`, identity: '', orders: '', segmentation: '', inventory: '', notifications: '' }, token: 't' }, (why) => troubles.push(why));
    const asked = api.ask('ingestion', '/v1/observations', { method: 'POST', body: '{}' });
    await eventually(() => expect(troubles).toContain('ECONNREFUSED'));
    door.listen(port, '127.0.0.1');

    expect(await asked).toEqual({ accepted: 1 });
    expect(troubles).toContain('it answered 503');
    expect(troubles.at(-1)).toBeUndefined();
    expect(answers).toEqual([]);
    door.closeAllConnections();
    door.close();
  });

  it('waits as long as it is told, within reason', () => {
    expect([retryAfterMs('3'), retryAfterMs(null), retryAfterMs('Thu, 01 Jan 1970 00:00:05 GMT', 1_000), retryAfterMs('86400')]).toEqual([3_000, undefined, 4_000, 120_000]);
  });
});

describe('waiting until all is digested', () => {
  /** A platform that tells these things of itself over HTTP, one after the other and then the last for ever. */
  async function telling(metrics: string[], orders: number[], work: (api: PlatformApi) => Promise<void>): Promise<void> {
    const next = <T>(list: T[]): T => (list.length > 1 ? list.shift()! : list[0]!);
    const platform = createServer(({ url }, response) => void response.end(url === '/metrics' ? next(metrics) : JSON.stringify({ orders: next(orders), unattributed: 0, returns: 0, unattributedReturns: 0 })));
    await new Promise<void>((resolve) => platform.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(platform.address() as AddressInfo).port}`;
    await work(new PlatformApi({ urls: { ingestion: url, identity: url, orders: url, segmentation: url, inventory: url, notifications: url }, token: 't' }, () => undefined)).finally(() => (platform.close(), platform.closeAllConnections()));
  }

  it('outlasts what waits to be published, and what is still being counted', async () => {
    const waiting = (orders: number): string => `yunke_outbox_events{service="orders"} ${orders}\nyunke_outbox_events{service="identity"} 0\nyunke_parked_keys{service="orders"} 2\n`;
    await telling([waiting(5), waiting(0)], [1, 2, 3], async (api) => {
      expect(await untilDigested(api, { source: 'shop', quietMs: 400 }, () => undefined)).toMatchObject({ counts: { orders: 3 }, parkedKeys: 2 });
    });
  });

  it('does not take silence for rest', async () => {
    await telling(['process_cpu_seconds_total 1\n'], [1], async (api) => {
      await expect(untilDigested(api, { source: 'shop', quietMs: 0 }, () => undefined)).rejects.toThrow('yunke_outbox_events');
    });
  });
});
