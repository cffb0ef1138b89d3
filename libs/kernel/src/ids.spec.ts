import { createHash, createHmac } from 'node:crypto';

import fc from 'fast-check';

import { opaqueId, uuidv5 } from './ids.js';

describe('an id', () => {
  it('that follows from a name is a UUID of version 5, by the book', () =>
    fc.assert(fc.property(fc.string({ unit: 'binary', maxLength: 3_000 }), (name) => {
      const digest = createHash('sha1').update(Buffer.from('6f9b0d5c2f5e5c0e9a3d1f2f7b7c9e11', 'hex')).update(name).digest();
      digest[6] = (digest[6]! & 0x0f) | 0x50;
      digest[8] = (digest[8]! & 0x3f) | 0x80;
      expect(uuidv5(name).replaceAll('-', '')).toBe(digest.toString('hex', 0, 16));
      expect(uuidv5(name)).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    })));

  it('that hides a name is HMAC-SHA256 with the secret, for secrets of any length', () =>
    fc.assert(fc.property(fc.string({ unit: 'binary', minLength: 1, maxLength: 150 }), fc.string({ unit: 'binary' }), (secret, name) => {
      expect(opaqueId(secret, 'subject', name)).toBe(createHmac('sha256', secret).update(`subject\n${name}`).digest('hex').slice(0, 32));
    })));
});
