import { createServer, type Server } from 'node:http';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { basename, dirname, join } from 'node:path';

import type * as Next from '@segment/analytics-next';
import { Analytics } from '@segment/analytics-node';
import chromium from '@sparticuz/chromium';
import { chromium as playwright, type Browser, type Page } from 'playwright-core';

import { streams } from '@yunke/contracts';
import { ingestion } from '@yunke/ingestion';
import { eventually, serviceUnderTest, type Said, type ServiceUnderTest } from '@yunke/testing';

const monopoly = { product_id: 'p-1', sku: '45790-32', name: 'Monopoly', category: 'Games', price: 19, quantity: 1 };
const order = { order_id: '50314', total: 27.5, shipping: 3, tax: 2, discount: 2.5, currency: 'USD', products: [monopoly, { sku: '46493-32', price: '3.50', quantity: 1 }] };

let service: ServiceUnderTest;

beforeEach(async () => {
  service = await serviceUnderTest(ingestion);
});
afterEach(() => service.stop());

const bodies = (said: readonly Said[]): Said['body'][] => said.map(({ body }) => body);

/** What was told of this event; it must have been. */
async function named(name: string): Promise<Said['body'][]> {
  const found = bodies(await service.said(streams.behaviourObservations)).filter((body) => body['name'] === name);
  expect(found).not.toEqual([]);
  return found;
}

describe('a shop\'s server with @segment/analytics-node', () => {
  let analytics: Analytics;

  beforeEach(() => {
    analytics = new Analytics({ writeKey: service.credentials.writeKey, host: service.baseUrl, maxRetries: 0 });
  });

  it('tells of customers, of what they do and of orders, with nothing changed but the host', async () => {
    analytics.identify({ userId: '88123', anonymousId: '5f1c', traits: { email: 'ada@example.com', firstName: 'Ada', plan: 'gold' } });
    analytics.alias({ userId: '88123', previousId: 'guest-7' });
    analytics.page({ userId: '88123', name: 'Home', properties: { path: '/' } });
    analytics.screen({ userId: '88123', name: 'Basket' });
    analytics.group({ userId: '88123', groupId: 'acme', traits: { email: 'office@acme.example' } });
    analytics.track({ anonymousId: '5f1c', event: 'Products Searched', properties: { query: 'tea' } });
    analytics.track({ userId: '88123', event: 'Product Added', properties: { ...monopoly, cart_id: 'C-1' } });
    analytics.track({ userId: '88123', event: 'Order Completed', properties: order });
    analytics.track({ userId: '88123', event: 'Order Shipped', properties: { order_id: '50314', shipment_id: 'S-1', carrier: 'SF' } });
    analytics.track({ userId: '88123', event: 'Order Refunded', properties: { order_id: '50314', total: 3.5, currency: 'USD' } });
    analytics.track({ userId: '88123', event: 'Stock Level Changed', properties: { sku: '45790-32', warehouse: 'main', on_hand: 41 } });
    await analytics.closeAndFlush();

    await eventually(async () => expect(await service.said(streams.stockObservations)).toHaveLength(1));
    expect(bodies(await service.said(streams.customerObservations))).toMatchObject([
      { subject: 'shop:account:88123', verified: true, firstName: 'Ada', email: 'ada@example.com', attributes: { plan: 'gold' }, identifiers: [{ type: 'anonymous', value: '5f1c' }, { type: 'email' }] },
      { subject: 'shop:account:88123', identifiers: [{ type: 'anonymous', value: 'guest-7' }] },
    ]);
    const behaviour = bodies(await service.said(streams.behaviourObservations));
    expect(behaviour.map(({ kind, action, name, subject }) => [kind ?? action, name, subject]).sort()).toEqual([
      ['added', undefined, 'shop:account:88123'], ['group', 'acme', 'shop:account:88123'], ['page', 'Home', 'shop:account:88123'],
      ['screen', 'Basket', 'shop:account:88123'], ['track', 'Products Searched', 'shop:anonymous:5f1c'],
    ]);
    expect(await service.said(streams.orderObservations)).toMatchObject([
      { type: 'OrderObserved', body: { orderId: 'shop:50314', subject: 'shop:account:88123', currency: 'USD', totalMinor: '2750', lines: [{ sku: '45790-32', totalMinor: '1900' }, { sku: '46493-32', totalMinor: '350' }] } },
      { type: 'ShipmentObserved', body: { orderId: 'shop:50314', shipmentId: 'S-1', carrier: 'SF' } },
    ]);
    expect(bodies(await service.said(streams.returnObservations))).toMatchObject([{ orderId: 'shop:50314', refundMinor: '350', currency: 'USD' }]);
    expect(bodies(await service.said(streams.stockObservations))).toMatchObject([{ sku: '45790-32', warehouse: 'main', kind: 'count', quantity: '41' }]);
  });

  it('is answered with success for a batch that holds a bad event, which alone waits in quarantine', async () => {
    const answers: number[] = [];
    analytics.on('http_response', ({ status }) => answers.push(status));
    analytics.track({ userId: '88123', event: 'Order Completed', properties: { ...order, total: -1 } });
    analytics.track({ userId: '88123', event: 'Order Completed', properties: { ...order, order_id: '50315' } });
    await analytics.closeAndFlush();

    await eventually(async () => expect(bodies(await service.said(streams.orderObservations))).toMatchObject([{ orderId: 'shop:50315' }]));
    expect(answers).toEqual([202]);
  });

  it('dates an event as it is told to', async () => {
    const yesterday = new Date(Date.now() - 86_400_000);
    analytics.track({ userId: '88123', event: 'Tea Drunk', timestamp: yesterday });
    await analytics.closeAndFlush();

    const [told] = await eventually(() => named('Tea Drunk'));
    expect(Math.abs(Date.parse(told!['occurredAt'] as string) - yesterday.getTime())).toBeLessThan(60_000);
  });
});

describe('a library that did not hear our answer', () => {
  const post = async (said: object): Promise<unknown> => {
    const authorization = `Basic ${btoa(`${service.credentials.browserWriteKey}:`)}`;
    const response = await fetch(`${service.baseUrl}/v1/t`, { method: 'POST', headers: { 'content-type': 'text/plain', authorization }, body: JSON.stringify(said) });
    return response.json();
  };

  it('repeats its event with another sending time and is told that it is a duplicate', async () => {
    const call = { type: 'track', messageId: 'ajs-next-1', anonymousId: '5f1c', event: 'Tea Drunk', writeKey: service.credentials.browserWriteKey };

    expect(await post({ ...call, sentAt: new Date(Date.now() - 5_000).toISOString(), _metadata: {} })).toMatchObject({ results: [{ messageId: 'ajs-next-1', status: 'accepted' }] });
    expect(await post({ ...call, sentAt: new Date().toISOString(), _metadata: { retryCount: 2 } })).toMatchObject({ results: [{ messageId: 'ajs-next-1', status: 'duplicate' }] });
  });
});

describe('a shop\'s page with @segment/analytics-next, from another origin', () => {
  let shop: Shop;
  let browser: Browser | undefined;

  beforeAll(async () => {
    shop = await openShop();
    browser = await startBrowser();
  });
  afterAll(async () => {
    await browser?.close();
    await shop.close();
  });

  /** Opens the shop, loads the library against our door, does there what the visitor does and stays until `done`; gives back the addresses that the page asked. */
  async function visit(options: Next.InitOptions, actions: (analytics: Next.AnalyticsBrowser) => Promise<unknown>, done = () => true): Promise<string[]> {
    const page = await browser!.newPage();
    try {
      const asked: string[] = [];
      page.on('request', (request) => asked.push(request.url()));
      await page.goto(shop.url);
      await loadLibrary(page, options);
      await page.evaluate(`(${actions.toString()})(window.analytics).then(() => undefined)`);
      await eventually(() => expect(done()).toBe(true), 20_000);
      return asked;
    } finally {
      await page.close();
    }
  }

  async function loadLibrary(page: Page, options: Next.InitOptions): Promise<void> {
    const settings = { writeKey: service.credentials.browserWriteKey, cdnURL: service.baseUrl };
    await page.evaluate(`window.analytics = AnalyticsNext.AnalyticsBrowser.load(${JSON.stringify(settings)}, ${JSON.stringify(options)})`);
  }

  const OURS = { protocol: 'http' as const };

  it('tells of visits, of carts and of who somebody says to be', async () => {
    if (notRun(browser)) return;
    const asked = await visit({ integrations: { 'Segment.io': OURS } }, async (analytics) => {
      await analytics.page('Home');
      await analytics.track('Product Added', { sku: '45790-32', price: 19, cart_id: 'C-1' });
      await analytics.identify('88123', { email: 'ada@example.com' });
      await analytics.track('Order Completed', { order_id: '50314', total: 27.5 });
    });

    const behaviour = await eventually(async () => {
      const said = bodies(await service.said(streams.behaviourObservations));
      expect(said).toHaveLength(3);
      return said;
    });
    const visitor = expect.stringMatching(/^web:anonymous:[0-9a-f-]{36}$/);
    expect(behaviour).toEqual(expect.arrayContaining([
      expect.objectContaining({ kind: 'page', name: 'Home', subject: visitor, verified: false }),
      expect.objectContaining({ action: 'added', cartId: 'C-1', subject: visitor, lines: [expect.objectContaining({ sku: '45790-32', totalMinor: '1900' })] }),
      // Anyone can read the key of a page, so its orders are behaviour.
      expect.objectContaining({ kind: 'track', name: 'Order Completed', subject: 'web:account:88123', verified: false }),
    ]));
    expect(await service.said(streams.orderObservations)).toEqual([]);
    expect(bodies(await service.said(streams.customerObservations))).toMatchObject([
      { subject: 'web:account:88123', verified: false, email: 'ada@example.com', identifiers: [{ type: 'anonymous' }, { type: 'email', value: 'ada@example.com' }] },
    ]);
    // It phones nobody else's home.
    expect(asked.filter((url) => !url.startsWith(shop.url) && !url.startsWith(service.baseUrl))).toEqual([]);
  });

  it('sends batches when it is told to', async () => {
    if (notRun(browser)) return;
    const batching = { ...OURS, deliveryStrategy: { strategy: 'batching' as const, config: { size: 3, timeout: 1_000 } } };
    const asked = await visit({ integrations: { 'Segment.io': batching } }, (analytics) => Promise.all(['One', 'Two', 'Three'].map((name) => analytics.track(name))));

    await eventually(async () => expect(bodies(await service.said(streams.behaviourObservations)).map(({ name }) => name)).toEqual(['One', 'Two', 'Three']));
    expect(asked.filter((url) => url === `${service.baseUrl}/v1/b`)).not.toEqual([]);
  });

  it('repeats what it got no answer to, and is heard once', async () => {
    if (notRun(browser)) return;
    const line = await aLineThatLosesTheFirstAnswer(service.baseUrl);
    try {
      await visit({ integrations: { 'Segment.io': { ...OURS, apiHost: `${line.url.slice('http://'.length)}/v1` } } }, (analytics) => analytics.track('Tea Drunk'), () => line.delivered >= 2);
    } finally {
      await line.close();
    }

    expect(await eventually(() => named('Tea Drunk'))).toMatchObject([{ kind: 'track' }]);
  });

  it('is held to what a visitor\'s browser is held to: what is not meant for other origins it cannot read', async () => {
    if (notRun(browser)) return;
    const page = await browser!.newPage();
    await page.goto(shop.url);

    expect(await page.evaluate(`fetch('${service.baseUrl}/api/quarantine').then(() => 'read', () => 'refused')`)).toBe('refused');
    await page.close();
  });
});

type Shop = { readonly url: string; readonly close: () => Promise<void> };

/** A proxy before our door: every call arrives, but the first answer times out on its way back. */
async function aLineThatLosesTheFirstAnswer(door: string): Promise<Shop & { readonly delivered: number }> {
  let delivered = 0;
  const server = createServer((request, response) => {
    void (async () => {
      const headers = Object.fromEntries(['authorization', 'content-type', 'origin', 'access-control-request-headers', 'access-control-request-method'].flatMap((name) => (request.headers[name] ? [[name, String(request.headers[name])]] : [])));
      const isCall = request.method === 'POST';
      const answer = await fetch(door + request.url!, { method: request.method!, headers, ...(isCall && { body: Buffer.concat(await request.toArray()) }) });
      const body = Buffer.from(await answer.arrayBuffer());
      if (isCall) delivered += 1;
      if (isCall && delivered === 1) return response.writeHead(504, { 'access-control-allow-origin': '*' }).end();
      return response.writeHead(answer.status, Object.fromEntries([...answer.headers].filter(([name]) => name.startsWith('access-control') || name === 'content-type'))).end(body);
    })();
  });
  return { ...(await listening(server)), get delivered() { return delivered; } };
}

async function listening(server: Server): Promise<Shop> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, close: () => new Promise((resolve) => void server.close(() => resolve()).closeAllConnections()) };
}

/** A shop's own web server: a page with the library's browser build, on a port that is not ours. */
async function openShop(): Promise<Shop> {
  const library = join(dirname(createRequire(import.meta.url).resolve('@segment/analytics-next/package.json')), 'dist/umd');
  const server = createServer((request, response) => {
    const script = basename(new URL(request.url!, 'http://shop').pathname);
    if (!script.endsWith('.js')) return void response.setHeader('content-type', 'text/html').end('<!doctype html><title>Shop</title><script src="/index.js"></script>');
    readFile(join(library, script)).then((text) => response.setHeader('content-type', 'text/javascript').end(text), () => response.writeHead(404).end());
  });
  return listening(server);
}

/** The package's arguments switch off what this test is about, cross-origin checks; and in a single process a closed page takes the browser with it. */
const UNLIKE_A_VISITOR = /^--(disable-web-security|allow-running-insecure-content|disable-site-isolation-trials|single-process|no-zygote)/;

/** Chromium from npm, or the host's by CHROMIUM_PATH. Where neither starts, only a person may go on without: CI is red. */
async function startBrowser(): Promise<Browser | undefined> {
  try {
    const args = [...chromium.args.filter((arg) => !UNLIKE_A_VISITOR.test(arg)), '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'];
    return await playwright.launch({ executablePath: process.env['CHROMIUM_PATH'] ?? (await chromium.executablePath()), args });
  } catch (error) {
    if (process.env['CI'] === 'true') throw error;
    process.stderr.write(`\nChromium does not start here: ${String(error)}\nSet CHROMIUM_PATH to one that does.\n`);
    return undefined;
  }
}

function notRun(browser: Browser | undefined): boolean {
  if (!browser) process.stderr.write(`\nNOT RUN: ${expect.getState().currentTestName}\n`);
  return !browser;
}
