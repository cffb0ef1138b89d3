import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { type Stream, schemas, streams } from './index.js';
import { generate, proto, scratch } from './repository.fixture.js';

const work = scratch();
const out = join(work.folder, 'gen');
afterAll(work.remove);

type Channel = { address: string; messages: object; bindings: { kafka: { partitions: number; topicConfiguration: object } } };
type AsyncApi = { channels: Record<string, Channel>; operations: Record<string, { action: string; tags: { name: string }[] }> };

describe('generating from the contracts', () => {
  beforeAll(() => expect(generate(proto, out)).toEqual({ status: 0, output: '' }));
  const document = (): AsyncApi => JSON.parse(readFileSync(join(out, 'asyncapi.json'), 'utf8'));

  it('writes nothing when nothing changed', () => {
    const before = statSync(join(out, 'types.ts'), { bigint: true }).mtimeNs;
    generate(proto, out);
    expect(statSync(join(out, 'types.ts'), { bigint: true }).mtimeNs).toBe(before);
  });

  it('types every message as it is in JSON', () => {
    const types = readFileSync(join(out, 'types.ts'), 'utf8');

    expect(types).toContain('Absent milestones are unknown, not undone. */\nexport type OrderObserved = {');
    expect(types).toContain(`  /** Empty when the order names nobody. */\n  subject: string;`);
    for (const field of [
      'orderId: string;', 'version?: string;', 'lines: Line[];', 'history: boolean;', 'attributes?: Record<string, unknown>;',
      'occurredAt: string;', 'placedAt?: string;', `kind: 'track' | 'page' | 'screen' | 'group';`, 'recencyDays: string[];',
      'order: OrderState;', 'marketingConsent?: boolean;',
    ]) expect(types).toContain(`\n  ${field}`);
  });

  it('describes a channel for every topic and who says it', () => {
    const { channels, operations } = document();

    expect(Object.values(channels).map((channel) => channel.address)).toEqual(Object.values<Stream>(streams).map((stream) => stream.topic));
    expect(channels.ordersChanges.bindings.kafka).toMatchObject({
      partitions: 12, topicConfiguration: { 'cleanup.policy': ['delete'], 'retention.ms': 2_592_000_000 },
    });
    expect(channels.identityProfiles.bindings.kafka.topicConfiguration).toEqual({ 'cleanup.policy': ['compact'] });
    expect(operations.sayOrdersChanges).toMatchObject({ action: 'send', tags: [{ name: 'orders' }] });
  });

  it('describes every message, and refers to nothing that is not there', () => {
    const api = document();
    const text = JSON.stringify(api);

    for (const [, path] of text.matchAll(/"\$ref":"#\/([^"]+)"/g)) {
      const target = path.split('/').reduce<unknown>((at, name) => (at as Record<string, unknown>)?.[name], api);
      expect([path, target]).toEqual([path, expect.any(Object)]);
    }
    for (const name of Object.keys(schemas)) expect(text).toContain(`"#/components/schemas/${name}"`);
  });
});

describe('contracts that contradict themselves', () => {
  const orders = 'yunke/ingestion/v1/observations.proto';
  const stream = 'topic: "yunke.ingestion.order-observations.v1"\n    key: "order_id"\n    partitions: 12\n    retention_hours: 168';

  it.each([
    ['two numbers of partitions for one topic', stream, stream.replace('12', '6'), /OrderObserved says partitions 6, ShipmentObserved says 12/],
    ['two retentions for one topic', stream, stream.replace('168', '24'), /OrderObserved says retentionHours 24, ShipmentObserved says 168/],
    ['two keys for one topic', stream, stream.replace('order_id', 'subject'), /OrderObserved says key subject, ShipmentObserved says order_id/],
    ['a key that is no field', stream, stream.replace('order_id', 'basket_id'), /OrderObserved has no field basket_id/],
    ['a topic of another service', stream, stream.replace('ingestion', 'orders'), /does not belong to package yunke\.ingestion\.v1/],
    ['a topic without a version', stream, stream.replace('observations.v1', 'observations'), /is not yunke\.<service>\.<stream>\.v<n>/],
    ['a topic that keeps nothing', 'retention_hours: 168', 'retention_hours: 0', /retention_hours must be at least 1/],
    ['an enum', 'message Identifier {', 'enum Kind { KIND_UNSPECIFIED = 0; }\nmessage Identifier {', /not an enum/],
    ['one name for two messages', 'message Line {', 'message OrderState {}\nmessage Line {', /OrderState is defined in .* and /],
  ])('are refused: %s', (_, before, after, reason) => {
    const { status, output } = generate(work.contractsWith(orders, before, after), join(work.folder, 'refused'));

    expect(output).toMatch(reason);
    expect(status).toBe(1);
  });
});
