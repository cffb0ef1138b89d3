import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

import { eventually } from '@yunke/testing';

import { startPlatform, type Platform } from '../platform/platform.js';

type Span = { traceId: string; spanId: string; parentSpanId?: string; name: string; attributes: { key: string; value: { stringValue?: string } }[] };

/** The picture in the runbook, as the way from the request to each step. */
function picture(): string[] {
  const [, tree] = /\n```text\n(POST \/v1[^`]*)```/.exec(readFileSync(new URL('../../../deploy/runbook.md', import.meta.url), 'utf8'))!;
  const way: string[] = [];
  return tree!.trimEnd().split('\n').map((line) => {
    const [, branches, step] = /^([│├└─ ]*)(.*)$/.exec(line)!;
    way.splice(branches!.length / 3, Infinity, step!);
    return way.join(' > ');
  });
}

const attribute = ({ attributes }: Span, key: string): string | undefined => attributes.find((one) => one.key === key)?.value.stringValue;

/** A request, or what a service did with a stream; undefined for what lies between, such as a statement. */
function stepOf(span: Span): string | undefined {
  const group = attribute(span, 'messaging.consumer.group.name');
  return group ? `${group.replace('yunke.', '')} ${attribute(span, 'messaging.destination.name')!.replace(/^yunke\.|\.v1$/g, '')}` : /^(GET|POST) /.test(span.name) ? span.name : undefined;
}

/** Every step with the steps that led to it, ` > ` between them, each way once. */
function pathsIn(spans: readonly Span[]): string[] {
  const byId = new Map(spans.map((span) => [span.spanId, span]));
  const pathOf = (span: Span): string[] => {
    const parent = span.parentSpanId ? byId.get(span.parentSpanId) : undefined;
    return [...(parent ? pathOf(parent) : []), ...(stepOf(span) ? [stepOf(span)!] : [])];
  };
  return [...new Set(spans.filter(stepOf).map((span) => pathOf(span).join(' > ')))];
}

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

  it('leads from the request over the log to every service, each step below the one that led to it', async () => {
    const now = new Date().toISOString();
    const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
    const response = await fetch(`${platform.process('ingestion').url}/v1/observations`, {
      method: 'POST', headers: { authorization: `Bearer ${platform.credentials.writeKey}`, 'content-type': 'application/json', traceparent: `00-${traceId}-00f067aa0ba902b7-01` },
      body: JSON.stringify({ observations: [{
        type: 'OrderObserved', messageId: 'traced', occurredAt: now, orderId: 'T1', subject: 'account:ada', email: 'ada@example.com', currency: 'CNY', placedAt: now, paidAt: now,
        lines: [{ lineId: '1', sku: 'tea', quantity: 1, unitPrice: '3.00' }],
      }] }),
    });
    expect(response.status).toBe(202);

    const ours = () => spans.filter((span) => span.traceId === traceId);
    await eventually(() => expect(pathsIn(ours())).toEqual(expect.arrayContaining(picture())), 30_000);
    const known = new Set(['00f067aa0ba902b7', ...ours().map(({ spanId }) => spanId)]);
    expect(ours().filter(({ parentSpanId }) => parentSpanId && !known.has(parentSpanId))).toEqual([]);
  }, 60_000);
});
