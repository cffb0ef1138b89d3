import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

import { eventually } from '@yunke/testing';

import { startPlatform, type Platform } from '../platform/platform.js';

type Span = { traceId: string; spanId: string; parentSpanId?: string; name: string };

const shape = process.env['YUNKE_SHAPE'] === 'split' ? 'split' : 'one';

describe(`the trace of one event (${shape})`, () => {
  const spans: Span[] = [];
  const collector = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part)).on('end', () => {
      const body = JSON.parse(Buffer.concat(parts).toString()) as { resourceSpans: { scopeSpans: { spans: Span[] }[] }[] };
      spans.push(...body.resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap((scope) => scope.spans)));
      response.end('{}');
    });
  });
  let platform: Platform;

  beforeAll(async () => {
    await new Promise<void>((resolve) => collector.listen(0, '127.0.0.1', resolve));
    const env = { OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${(collector.address() as AddressInfo).port}`, OTEL_BSP_SCHEDULE_DELAY: '200' };
    platform = await startPlatform({ shape, env, postgresUrl: process.env['TEST_POSTGRES_URL']!, ...(shape === 'split' && { brokers: process.env['TEST_KAFKA_BROKERS']! }) });
  }, 120_000);
  afterAll(async () => {
    await platform?.stop();
    collector.close();
  }, 60_000);

  it('leads from the request over the log to the segment change', async () => {
    const now = new Date().toISOString();
    const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
    const response = await fetch(`${platform.process('ingestion').url}/v1/observations`, {
      method: 'POST', headers: { authorization: `Bearer ${platform.credentials.writeKey}`, 'content-type': 'application/json', traceparent: `00-${traceId}-00f067aa0ba902b7-01` },
      body: JSON.stringify({ observations: [{ type: 'OrderObserved', messageId: 'traced', occurredAt: now, orderId: 'T1', subject: 'account:ada', currency: 'CNY', placedAt: now, lines: [] }] }),
    });
    expect(response.status).toBe(202);

    await eventually(() => {
      const names = spans.filter((span) => span.traceId === traceId).map(({ name }) => name);
      expect(names).toEqual(expect.arrayContaining([expect.stringMatching(/^POST/), expect.stringMatching(/^pg/), 'process yunke.ingestion.order-observations.v1', 'process yunke.orders.changes.v1', 'process yunke.identity.profiles.v1']));
    }, 20_000);
    const ours = spans.filter((span) => span.traceId === traceId);
    const known = new Set(['00f067aa0ba902b7', ...ours.map(({ spanId }) => spanId)]);
    expect(ours.filter(({ parentSpanId }) => parentSpanId && !known.has(parentSpanId))).toEqual([]);
  }, 60_000);
});
