import { hash } from 'node:crypto';

const NAMESPACE = Buffer.from('6f9b0d5c2f5e5c0e9a3d1f2f7b7c9e11', 'hex');
const BLOCK = 64; // of SHA-256, in bytes

/** A buffer that begins with some bytes and takes a text behind them: kept, because making one costs as much as hashing it. */
class Prefixed {
  #buffer: Buffer;

  constructor(private readonly prefix: Buffer) {
    this.#buffer = Buffer.concat([prefix, Buffer.alloc(1_024)]);
  }

  with(text: string, encoding: 'utf8' | 'latin1' = 'utf8'): Buffer {
    if (this.#buffer.length < this.prefix.length + 3 * text.length) this.#buffer = Buffer.concat([this.prefix, Buffer.alloc(6 * text.length)]);
    return this.#buffer.subarray(0, this.prefix.length + this.#buffer.write(text, this.prefix.length, encoding));
  }
}

const namespaced = new Prefixed(NAMESPACE);

/** UUID version 5 (RFC 9562 §5.5) of a name in Yunke's namespace: the same name gives the same id, everywhere. */
export function uuidv5(name: string): string {
  const hex = hash('sha1', namespaced.with(name), 'hex');
  const variant = '89ab'[Number.parseInt(hex[16]!, 16) & 3];
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-5${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

type Padded = { readonly secret: string; readonly inner: Prefixed; readonly outer: Prefixed };
let padded: Padded | undefined;

/**
 * 128 bits of HMAC-SHA256 (RFC 2104) with the installation's secret, as 32 hex digits: what stands for a subject, an order or a SKU
 * wherever the readable form must not be seen. `noun` keeps equal texts of different nouns apart. Not remembered: most are an
 * order's, which are seldom asked for again soon, and to remember one costs as much as to make it.
 */
export function opaqueId(secret: string, noun: string, readable: string): string {
  if (padded?.secret !== secret) padded = { secret, inner: new Prefixed(pad(secret, 0x36)), outer: new Prefixed(pad(secret, 0x5c)) };
  const inner = hash('sha256', padded.inner.with(`${noun}\n${readable}`), 'latin1');
  return hash('sha256', padded.outer.with(inner, 'latin1'), 'hex').slice(0, 32);
}

function pad(secret: string, byte: number): Buffer {
  const key = Buffer.byteLength(secret) > BLOCK ? hash('sha256', secret, 'buffer') : Buffer.from(secret);
  return Buffer.alloc(BLOCK, key.toString('latin1') + '\0'.repeat(BLOCK - key.length), 'latin1').map((value) => value ^ byte) as Buffer;
}
