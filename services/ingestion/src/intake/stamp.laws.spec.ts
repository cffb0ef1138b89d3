import fc from 'fast-check';

import type { Door } from './item.js';
import { readNative } from './native.js';
import { stampOf, stamped, type Accepted } from './stamp.js';

const NOON = Date.UTC(2026, 4, 20, 12);
const door = fc.record<Door>({ source: fc.constantFrom('shop', 'pos-3'), kind: fc.constantFrom('server', 'browser'), history: fc.boolean(), receivedAt: fc.constant(NOON) });
/** Within the two days around noon that the door lets pass, in some zone, with or without milliseconds. */
const time = fc.tuple(fc.integer({ min: NOON - 86_400_000, max: NOON + 86_400_000 }), fc.constantFrom('Z', '+08:00')).map(([at, zone]) =>
  zone === 'Z' ? new Date(at).toISOString() : `${new Date(at + 8 * 3_600_000).toISOString().slice(0, 19)}${zone}`);
const text = fc.oneof(fc.string(), fc.constantFrom('}', '"}', '\\', '云客', '","acceptedAt":"'));
const order = fc.record({
  type: fc.constant('OrderObserved'), messageId: fc.constantFrom('m-1', 'm-2'), orderId: fc.constant('A1'), occurredAt: time, placedAt: time, paidAt: time, promisedAt: time, email: text, phone: text, country: text,
}, { requiredKeys: ['type', 'messageId', 'orderId', 'occurredAt'] });

type Said = Record<string, unknown>;

/** By instants and not by texts: the earlier of what it says and when it was accepted. */
const clamped = (value: unknown, acceptedAt: number): string => new Date(Math.min(Date.parse(value as string), acceptedAt)).toISOString();

describe('the stamp of the door', () => {
  it('ends the JSON of an observation, and turns back what lies ahead but for what is foreseen', () =>
    fc.assert(fc.property(order, door, fc.integer({ min: NOON - 3_600_000, max: NOON + 3_600_000 }), (said, at, acceptedAt) => {
      const item = readNative(said, at);
      fc.pre('observations' in item);
      const [one, ...others] = stamped(item as Accepted, at, stampOf(at, acceptedAt));
      const record = JSON.parse(one!.json) as Said;

      expect(others).toEqual([]);
      expect(record).toMatchObject({ history: at.history, verified: at.kind === 'server', acceptedAt: new Date(acceptedAt).toISOString(), source: at.source, orderId: `${at.source}:A1` });
      for (const name of ['occurredAt', 'placedAt', 'paidAt'] as const) if (said[name] !== undefined) expect(record[name]).toBe(clamped(said[name], acceptedAt));
      if (said.promisedAt !== undefined) expect(Date.parse(record['promisedAt'] as string)).toBe(Date.parse(said.promisedAt));
      for (const name of ['email', 'phone', 'country'] as const) expect(record[name]).toBe(said[name]);
      expect('type' in record).toBe(false);
    }), { numRuns: 1_000 }));

  it('leaves the fingerprint alone: a repetition is known whenever it comes and however far its source is believed', () =>
    fc.assert(fc.property(order, door, door, (said, at, later) => {
      const print = (raw: Said, of: Door): string | undefined => (readNative(raw, of) as { fingerprint?: string }).fingerprint;
      const now = { ...at, source: 'shop' };

      expect(print(said, now)).toBe(print(structuredClone(said), { ...later, source: 'shop', history: now.history, receivedAt: NOON + 1_000 }));
      expect(print(said, { ...now, history: true })).toBe(print(said, { ...now, history: false }));
      expect(print({ ...said, country: `${said.country ?? ''}x` }, now)).not.toBe(print(said, now));
    }), { numRuns: 1_000 }));
});
