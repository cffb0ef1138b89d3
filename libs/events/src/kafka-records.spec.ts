import { createRequire } from 'node:module';
import fc from 'fast-check';
import { encodeRecord, type BatchedRecord } from './kafka-records.js';

const original = createRequire(import.meta.url)('kafkajs/src/protocol/recordBatch/record/v0') as (record: BatchedRecord) => { buffer: Buffer };

const text = fc.string({ unit: 'grapheme', maxLength: 300 });
const bytes = fc.uint8Array({ maxLength: 300 }).map((array) => Buffer.from(array));
const content = fc.oneof(text, bytes, fc.constant(null));
const headerValue = fc.oneof(text, bytes, fc.array(fc.oneof(text, bytes), { maxLength: 3 }));
const records: fc.Arbitrary<BatchedRecord> = fc.record(
  {
    key: content,
    value: content,
    headers: fc.dictionary(text, headerValue, { maxKeys: 6 }),
    offsetDelta: fc.nat({ max: 1_000_000 }),
    timestampDelta: fc.maxSafeNat().map((n) => Math.floor(n / 2)),
  },
  { requiredKeys: ['value'] },
);

describe('encoding a record', () => {
  it('gives the bytes that kafkajs itself gives', () =>
    fc.assert(fc.property(records, (record) => {
      expect(encodeRecord(record).buffer.toString('hex')).toBe(original(record).buffer.toString('hex'));
    }), { numRuns: 500 }));

  it.each([0, 63, 64, 8_191, 8_192, 1_048_575, 1_048_576, 2 ** 31])('knows where a number needs another byte: %d', (timestampDelta) => {
    const record = { key: 'k'.repeat(timestampDelta % 9_000), value: '云客', timestampDelta, offsetDelta: timestampDelta % 2 ** 20 };

    expect(encodeRecord(record).buffer.equals(original(record).buffer)).toBe(true);
  });

  it('keeps null, empty and absent apart', () => {
    for (const value of [null, '', Buffer.alloc(0)]) {
      expect(encodeRecord({ value, key: undefined }).buffer.equals(original({ value, key: undefined }).buffer)).toBe(true);
    }
  });
});
