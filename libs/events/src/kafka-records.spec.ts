import { createRequire } from 'node:module';
import fc from 'fast-check';
import { decodeRecord, type BatchContext, type DecodedRecord } from './kafka-records.js';
import { anyRecord, type AnyRecord } from './kafka-records.fixture.js';

const require = createRequire(import.meta.url);
const original = require('kafkajs/src/protocol/recordBatch/record/v0') as (record: AnyRecord) => { buffer: Buffer };

describe('decoding a record', () => {
  const Decoder = require('kafkajs/src/protocol/decoder') as new (buffer: Buffer) => { buffer: Buffer; readVarInt(): number; slice(length: number): { buffer: Buffer } };
  const theirs = require('kafkajs/src/protocol/recordBatch/record/v0/decoder') as (decoder: object, context: BatchContext) => DecodedRecord;
  const context = (timestampType: number): BatchContext => ({ firstOffset: '9007199254000', firstTimestamp: '1700000000000', maxTimestamp: '1700000000999', timestampType, magicByte: 2, isControlBatch: false });
  const textsOf = (headers: object): Record<string, string> => Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(Array.isArray(value) ? value.at(-1) : value)]));
  const bodyOf = (record: AnyRecord): Buffer => {
    const { buffer } = original(record);
    const decoder = new Decoder(buffer);
    return decoder.slice(decoder.readVarInt()).buffer;
  };

  it.each([0, 1])('gives what kafkajs itself gives, of a header its last value as a text (timestamp type %d)', (timestampType) =>
    fc.assert(fc.property(anyRecord, (record) => {
      const body = bodyOf({ ...record, timestampDelta: (record.timestampDelta ?? 0) % 2 ** 40 });
      const { headers, ...expected } = theirs(new Decoder(body), context(timestampType));
      fc.pre(Object.keys(record.headers ?? {}).every((name) => !(name in Object.prototype))); // kafkajs takes those for headers that came before
      expect(decodeRecord(new Decoder(body), context(timestampType))).toEqual({ ...expected, headers: textsOf(headers) });
    }), { numRuns: 300 }));
});
