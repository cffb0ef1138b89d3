import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { buf, generate, proto, released, scratch } from './repository.fixture.js';

const work = scratch();
afterAll(work.remove);

const orders = 'yunke/orders/v1/orders.proto';
const breaking = (contracts: string) => buf('breaking', contracts, '--against', released);

describe('the contracts against the last released ones', () => {
  it('still mean the same to every reader', () => {
    expect(breaking(proto)).toEqual({ status: 0, output: '' });
  });

  it('follow the style of contracts', () => {
    expect(buf('lint', proto)).toEqual({ status: 0, output: '' });
  });

  it('may gain a field', () => {
    const gained = work.contractsWith(orders, 'int64 amount_minor = 3;', 'int64 amount_minor = 3;\n  optional string note = 4;');

    expect(breaking(gained)).toEqual({ status: 0, output: '' });
  });

  it.each([
    ['a field gets another name', 'int64 amount_minor = 3;', 'int64 amount_cents = 3;', 'amount_minor'],
    ['a field goes', 'int64 amount_minor = 3;', '', '"3"'],
    ['a number becomes a text', 'int64 amount_minor = 3;', 'string amount_minor = 3;', 'amount_minor'],
  ])('are refused when %s', (_, before, after, named) => {
    const { status, output } = breaking(work.contractsWith(orders, before, after));

    expect(status).not.toBe(0);
    expect(output).toContain(named);
  });
});

// buf looks at fields only; where a message travels and which values it may have are options, and break readers as well.
describe('the topics against the last released ones', () => {
  it('are where they were, keyed as they were, and every message is still on its topic', () => {
    const { before, now } = generated(proto);

    expect(lost(before, now)).toEqual([]);
  });

  it.each([
    ['a topic moves', 'yunke.orders.returns.v1', 'yunke.orders.refunds.v1'],
    ['a key is another field', 'key: "return_id"', 'key: "subject"'],
    ['a topic becomes compacted', 'key: "return_id"\n    partitions: 12', 'key: "return_id"\n    compacted: true\n    partitions: 12'],
    ['a status is no longer said', '    (yunke.options.v1.values) = "picked",\n', ''],
  ])('are refused when %s', (_, from, to) => {
    const { before, now } = generated(work.contractsWith(orders, from, to));

    expect(lost(before, now)).not.toEqual([]);
  });
});

type Document = {
  channels: Record<
    string,
    { address: string; messages: object; bindings: { kafka: { topicConfiguration: { 'cleanup.policy': string[] } } } }
  >;
  components: {
    messages: Record<string, { bindings: { kafka: { key: { description: string } } } }>;
    schemas: Record<string, { properties: Record<string, { enum?: string[] }> }>;
  };
};

let generations = 0;
function generated(contracts: string) {
  const read = (from: string): Document => {
    const out = join(work.folder, `gen-${(generations += 1)}`);
    expect(generate(from, out)).toEqual({ status: 0, output: '' });
    return JSON.parse(readFileSync(join(out, 'asyncapi.json'), 'utf8'));
  };
  return { before: read(released), now: read(contracts) };
}

/** What readers of the released contracts relied on and is no longer so. */
const lost = (before: Document, now: Document) => {
  const promises = promisesOf(now);
  return [...promisesOf(before)].filter((promise) => !promises.has(promise));
};

function promisesOf({ channels, components }: Document): Set<string> {
  const places = Object.values(channels).flatMap(({ address, messages, bindings }) =>
    Object.keys(messages).map((type) =>
      [
        address,
        type,
        components.messages[type].bindings.kafka.key.description,
        bindings.kafka.topicConfiguration['cleanup.policy'],
      ].join(' · '),
    ),
  );
  const values = Object.entries(components.schemas).flatMap(([type, { properties }]) =>
    Object.entries(properties).flatMap(([field, schema]) => (schema.enum ?? []).map((value) => `${type}.${field} = ${value}`)),
  );
  return new Set([...places, ...values]);
}
