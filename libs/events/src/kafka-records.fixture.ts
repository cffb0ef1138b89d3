import fc from 'fast-check';

import type { ProducedRecord } from './kafka-produce.js';

/** What anybody may produce: also what we never do, with a place and a time in its batch. */
export type AnyRecord = ProducedRecord & { readonly offsetDelta?: number; readonly timestampDelta?: number };

const text = fc.string({ unit: 'grapheme', maxLength: 300 });
const bytes = fc.uint8Array({ maxLength: 300 }).map((array) => Buffer.from(array));
const content = fc.oneof(text, bytes, fc.constant(null));
const headerValue = fc.oneof(text, bytes, fc.array(fc.oneof(text, bytes), { maxLength: 3 }));

export const anyProduced: fc.Arbitrary<ProducedRecord> = fc.record({ key: content, value: content, headers: fc.dictionary(text, headerValue, { maxKeys: 6 }) }, { requiredKeys: ['value'] });

export const anyRecord: fc.Arbitrary<AnyRecord> = fc.tuple(anyProduced, fc.nat({ max: 1_000_000 }), fc.maxSafeNat().map((n) => Math.floor(n / 2)))
  .map(([record, offsetDelta, timestampDelta]) => ({ ...record, offsetDelta, timestampDelta }));
