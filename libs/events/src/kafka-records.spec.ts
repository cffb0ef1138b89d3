import { createRequire } from 'node:module';
import fc from 'fast-check';
import { crc32c } from './kafka-crc32c.js';
import { decodeRecord, encodeRecord, type BatchContext, type BatchedRecord, type DecodedRecord } from './kafka-records.js';

const require = createRequire(import.meta.url);
const original = require('kafkajs/src/protocol/recordBatch/record/v0') as (record: BatchedRecord) => { buffer: Buffer };

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

describe('decoding a record', () => {
  const Decoder = require('kafkajs/src/protocol/decoder') as new (buffer: Buffer) => { buffer: Buffer; readVarInt(): number; slice(length: number): { buffer: Buffer } };
  const theirs = require('kafkajs/src/protocol/recordBatch/record/v0/decoder') as (decoder: object, context: BatchContext) => DecodedRecord;
  const context = (timestampType: number): BatchContext => ({ firstOffset: '9007199254000', firstTimestamp: '1700000000000', maxTimestamp: '1700000000999', timestampType, magicByte: 2, isControlBatch: false });
  const textsOf = (headers: object): Record<string, string> => Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(Array.isArray(value) ? value.at(-1) : value)]));
  const bodyOf = (record: BatchedRecord): Buffer => {
    const { buffer } = encodeRecord(record);
    const decoder = new Decoder(buffer);
    return decoder.slice(decoder.readVarInt()).buffer;
  };

  it.each([0, 1])('gives what kafkajs itself gives, of a header its last value as a text (timestamp type %d)', (timestampType) =>
    fc.assert(fc.property(records, (record) => {
      const body = bodyOf({ ...record, timestampDelta: (record.timestampDelta ?? 0) % 2 ** 40 });
      const { headers, ...expected } = theirs(new Decoder(body), context(timestampType));
      fc.pre(Object.keys(record.headers ?? {}).every((name) => !(name in Object.prototype))); // kafkajs takes those for headers that came before
      expect(decodeRecord(new Decoder(body), context(timestampType))).toEqual({ ...expected, headers: textsOf(headers) });
    }), { numRuns: 300 }));
});

describe('the checksum of a batch', () => {
  const theirs = require('kafkajs/src/protocol/recordBatch/crc32C/crc32C') as (bytes: Uint8Array) => number;

  it('is the CRC-32C of the literature', () => expect(crc32c(Buffer.from('123456789'))).toBe(0xe3069283));
  it('is what kafkajs itself gives', () => fc.assert(fc.property(fc.uint8Array({ maxLength: 100 }), (some) => expect(crc32c(some)).toBe(theirs(some)))));
});
