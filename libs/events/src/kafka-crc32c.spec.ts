import { createRequire } from 'node:module';
import fc from 'fast-check';
import { crc32c } from './kafka-crc32c.js';

const require = createRequire(import.meta.url);

describe('the checksum of a batch', () => {
  const theirs = require('kafkajs/src/protocol/recordBatch/crc32C/crc32C') as (bytes: Uint8Array) => number;

  it('is the CRC-32C of the literature', () => expect(crc32c(Buffer.from('123456789'))).toBe(0xe3069283));
  it('is what kafkajs itself gives', () => fc.assert(fc.property(fc.uint8Array({ maxLength: 100 }), (some) => expect(crc32c(some)).toBe(theirs(some)))));
});
