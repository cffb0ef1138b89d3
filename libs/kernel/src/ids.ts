import { createHmac, hash } from 'node:crypto';

const NAMESPACE = Buffer.from('6f9b0d5c2f5e5c0e9a3d1f2f7b7c9e11', 'hex');

/** UUID version 5 (RFC 9562 §5.5) of a name in Yunke's namespace: the same name gives the same id, everywhere. */
export function uuidv5(name: string): string {
  const digest = hash('sha1', Buffer.concat([NAMESPACE, Buffer.from(name)]), 'buffer');
  digest[6] = (digest[6]! & 0x0f) | 0x50;
  digest[8] = (digest[8]! & 0x3f) | 0x80;
  const hex = digest.toString('hex', 0, 16);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

/**
 * 128 bits of HMAC-SHA256 with the installation's secret, as 32 hex digits: what stands for a subject, an order or a SKU
 * wherever the readable form must not be seen. `noun` keeps equal texts of different nouns apart.
 */
export function opaqueId(secret: string, noun: string, readable: string): string {
  return createHmac('sha256', secret).update(`${noun}\n${readable}`).digest('hex').slice(0, 32);
}
