import { createRequire } from 'node:module';
import { jest } from '@jest/globals';
import fc from 'fast-check';
import { anyProduced } from './kafka-records.fixture.js';
import { produceRequest, type Encoded, type ProduceRequest } from './kafka-produce.js';

const require = createRequire(import.meta.url);
const original = require('kafkajs/src/protocol/requests/produce/v3/request') as (request: ProduceRequest) => { apiKey: number; apiVersion: number; apiName: string; expectResponse(): boolean; encode(): Promise<Encoded> };
const Long = require('kafkajs/src/utils/long') as { fromValue(value: number | string): ProduceRequest['producerId'] };

const requests: fc.Arbitrary<ProduceRequest> = fc.record({
  transactionalId: fc.constantFrom(undefined, 'a-transaction'), acks: fc.constantFrom(-1, 0, 1), timeout: fc.nat({ max: 60_000 }), producerId: fc.oneof(fc.constant('-1'), fc.bigInt({ min: 0n, max: 2n ** 62n }).map(String)).map((id) => Long.fromValue(id)), producerEpoch: fc.nat({ max: 32_000 }),
  topicData: fc.array(fc.record({
    topic: fc.string({ minLength: 1, maxLength: 60 }),
    partitions: fc.array(fc.record({ partition: fc.nat({ max: 200 }), firstSequence: fc.nat({ max: 2 ** 31 - 1 }), messages: fc.array(anyProduced, { minLength: 1, maxLength: 5 }) }), { minLength: 1, maxLength: 4 }),
  }), { minLength: 1, maxLength: 3 }),
});
const one = (...messages: ProduceRequest['topicData'][number]['partitions'][number]['messages'][number][]): ProduceRequest =>
  ({ acks: -1, timeout: 30_000, producerId: Long.fromValue('7'), producerEpoch: 3, topicData: [{ topic: '云客', partitions: [{ partition: 11, firstSequence: 5, messages }] }] });

/** Both look at the clock, so it stands still. */
async function bytesOf(encoder: typeof original, request: ProduceRequest): Promise<string> {
  return (await encoder(request).encode()).buffer.toString('hex');
}

describe('a produce request', () => {
  beforeEach(() => void jest.useFakeTimers({ now: 1_700_000_000_123, doNotFake: ['nextTick', 'queueMicrotask', 'setImmediate'] }));
  afterEach(() => void jest.useRealTimers());

  it('has the bytes that kafkajs itself gives', () =>
    fc.assert(fc.asyncProperty(requests, async (request) => {
      expect(await bytesOf(produceRequest, request)).toBe(await bytesOf(original, request));
    }), { numRuns: 300 }));

  it('is called what kafkajs calls it', () => {
    const { encode: _ours, expectResponse: answered, ...ours } = produceRequest(one({ value: 'x' }));
    const { encode: _theirs, expectResponse, ...theirs } = original(one({ value: 'x' }));

    expect(ours).toEqual(theirs);
    expect(answered()).toBe(expectResponse());
  });

  it.each([0, 63, 64, 8_191, 8_192, 65_500, 1_048_576])('knows where a length needs another byte, and when it must grow: %d', async (length) => {
    const request = one({ key: 'k'.repeat(length % 9_000), value: '云'.repeat(length), headers: { 'a-header': 'h'.repeat(length % 5_000) } }, { value: null });

    expect(await bytesOf(produceRequest, request)).toBe(await bytesOf(original, request));
  });

  it.each([63, 64, 200])('has %d headers', async (count) => {
    const headers = Object.fromEntries(Array.from({ length: count }, (_, n) => [`header-${n}`, 'v'.repeat(n % 64)]));
    const request = one({ value: 'v', headers }, { value: 'v', headers: { ...headers, alone: '\ud800' } });

    expect(await bytesOf(produceRequest, request)).toBe(await bytesOf(original, request));
  });

  it('counts the places of many records', async () => {
    const request = one(...Array.from({ length: 200 }, (_, n) => ({ key: String(n), value: 'v', headers: {} })));

    expect(await bytesOf(produceRequest, request)).toBe(await bytesOf(original, request));
  });

  it('keeps null, empty and absent apart', async () => {
    for (const value of [null, '', Buffer.alloc(0), undefined]) {
      expect(await bytesOf(produceRequest, one({ value, key: undefined }))).toBe(await bytesOf(original, one({ value, key: undefined })));
    }
  });
});
