import { crc32c } from './kafka-crc32c.js';

type Content = Buffer | string | null | undefined;

/** A message as kafkajs takes it, but for a timestamp of its own. A header may have several values. */
export type ProducedRecord = { readonly key?: Content; readonly value: Content; readonly headers?: Readonly<Record<string, Buffer | string | readonly (Buffer | string)[]>> };

/** What kafkajs hands to its produce request. `messages` are of one partition, which becomes one record batch. */
export type ProduceRequest = {
  readonly acks: number;
  readonly timeout: number;
  /** Of a producer within a transaction, which ours never are. */
  readonly transactionalId?: string | null;
  /** A Long of kafkajs. */
  readonly producerId: { toString(): string };
  readonly producerEpoch: number;
  readonly topicData: readonly { readonly topic: string; readonly partitions: readonly { readonly partition: number; readonly firstSequence: number; readonly messages: readonly ProducedRecord[] }[] }[];
};

/** As much of kafkajs's Encoder as its sender reads. */
export type Encoded = { readonly buf: Buffer; readonly buffer: Buffer };

/**
 * A produce request in place of kafkajs's own for version 3, which its later ones wrap: uncompressed, with the time of sending. The
 * same bytes (kafka-produce.spec.ts compares them), written one after the other into one buffer: kafkajs makes an encoder for every
 * record, batch, partition and topic and copies each into the next, which costs more than all the rest of its producer.
 *
 * kafkajs: src/protocol/requests/produce/v3/request. Format: https://kafka.apache.org/documentation/#recordbatch
 */
export const produceRequest = (request: ProduceRequest): { apiKey: number; apiVersion: number; apiName: string; expectResponse: () => boolean; encode: () => Promise<Encoded> } =>
  ({ apiKey: 0, apiVersion: 3, apiName: 'Produce', expectResponse: () => request.acks !== 0, encode: async () => encodeRequest(request, Date.now()) });

function encodeRequest({ transactionalId = null, acks, timeout, producerId, producerEpoch, topicData }: ProduceRequest, now: number): Encoded {
  const out = new Bytes();
  if (transactionalId === null) out.int16(-1);
  else out.string(transactionalId);
  out.int16(acks);
  out.int32(timeout);
  out.int32(topicData.length);
  const producer = { id: BigInt(producerId.toString()), epoch: producerEpoch, attributes: transactionalId === null ? 0 : TRANSACTIONAL };
  for (const { topic, partitions } of topicData) {
    out.string(topic);
    out.int32(partitions.length);
    for (const { partition, firstSequence, messages } of partitions) {
      out.int32(partition);
      const size = out.hole32();
      writeBatch(out, messages, { ...producer, firstSequence, now });
      out.fill32(size, out.at - size - 4);
    }
  }
  return { buf: out.buf, buffer: out.buf.subarray(0, out.at) };
}

const TRANSACTIONAL = 16;

type Numbering = { readonly id: bigint; readonly epoch: number; readonly attributes: number; readonly firstSequence: number; readonly now: number };

/** A record batch, magic 2. */
function writeBatch(out: Bytes, records: readonly ProducedRecord[], { id, epoch, attributes, firstSequence, now }: Numbering): void {
  out.int64(0n); // the first offset: the broker's to say
  const length = out.hole32();
  out.int32(0); // partition leader epoch
  out.int8(2); // magic
  const checksum = out.hole32();
  const checked = out.at;
  out.int16(attributes);
  out.int32(records.length - 1);
  out.int64(BigInt(now));
  out.int64(BigInt(now));
  out.int64(id);
  out.int16(epoch);
  out.int32(firstSequence);
  out.int32(records.length);
  for (let delta = 0; delta < records.length; delta += 1) out.record(records[delta]!, delta);
  out.fill32(checksum, crc32c(out.buf.subarray(checked, out.at)));
  out.fill32(length, out.at - length - 4);
}

/** Headers are put together here, one record's at a time: the record begins with its length. */
let scratch = Buffer.allocUnsafe(4_096);

/** The length of a text of so many plain characters, as a character: a zigzag varint of one byte. */
const LENGTHS = Array.from({ length: 64 }, (_, length) => String.fromCharCode(2 * length));

/** A buffer that grows as it is written. Numbers are big-endian; varints are zigzag. */
class Bytes {
  buf = Buffer.allocUnsafeSlow(65_536);
  at = 0;

  int8(value: number): void {
    this.#reserve(1);
    this.at = this.buf.writeInt8(value, this.at);
  }

  int16(value: number): void {
    this.#reserve(2);
    this.at = this.buf.writeInt16BE(value, this.at);
  }

  int32(value: number): void {
    this.#reserve(4);
    this.at = this.buf.writeInt32BE(value, this.at);
  }

  int64(value: bigint): void {
    this.#reserve(8);
    this.at = this.buf.writeBigInt64BE(value, this.at);
  }

  string(value: string): void {
    const length = Buffer.byteLength(value);
    this.int16(length);
    this.#reserve(length);
    this.at += this.buf.write(value, this.at, length, 'utf8');
  }

  /** Four bytes to be filled in later. Returns where. */
  hole32(): number {
    this.#reserve(4);
    this.at += 4;
    return this.at - 4;
  }

  fill32(where: number, value: number): void {
    this.buf.writeInt32BE(value | 0, where);
  }

  /** Length, attributes, timestamp and offset deltas, key, value, headers. */
  record({ key, value, headers = {} }: ProducedRecord, offsetDelta: number): void {
    const headersLength = writeHeaders(headers);
    const keyLength = lengthOf(key);
    const valueLength = lengthOf(value);
    const body = 2 + sizeOfVarint(offsetDelta) + sizeOfContent(keyLength) + sizeOfContent(valueLength) + headersLength;
    this.#reserve(body + 10);
    const { buf } = this;
    let at = writeVarint(buf, this.at, body);
    buf[at++] = 0; // attributes: none are defined
    buf[at++] = 0; // the time of the batch
    at = writeVarint(buf, at, offsetDelta);
    at = writeContent(buf, at, key, keyLength);
    at = writeContent(buf, at, value, valueLength);
    this.at = at + scratch.copy(buf, at, 0, headersLength);
  }

  #reserve(bytes: number): void {
    if (this.at + bytes <= this.buf.length) return;
    const larger = Buffer.allocUnsafeSlow(2 * (this.at + bytes));
    this.buf.copy(larger, 0, 0, this.at);
    this.buf = larger;
  }
}

type Headers = NonNullable<ProducedRecord['headers']>;

/** Their number, then name, value, name, value …, into {@link scratch}; a name with several values appears several times. Returns the length. */
function writeHeaders(headers: Headers): number {
  const text = plainText(headers);
  if (text !== undefined && text.length <= scratch.length) return scratch.write(text, 0, 'latin1');
  const parts: (Buffer | string)[] = [];
  let most = 10;
  for (const name in headers) {
    const values = headers[name]!;
    for (const value of typeof values === 'string' || Buffer.isBuffer(values) ? [values] : values) {
      parts.push(name, value);
      most += 20 + 3 * (name.length + value.length);
    }
  }
  if (most > scratch.length) scratch = Buffer.allocUnsafe(2 * most);
  let at = writeVarint(scratch, 0, parts.length / 2);
  for (const part of parts) at = writeContent(scratch, at, part, lengthOf(part));
  return at;
}

/** All of it as one text to be written at once, where every part is a short plain text as ours are: a call out of JavaScript costs more than fifty characters. */
function plainText(headers: Headers): string | undefined {
  let [count, text] = [0, ''];
  for (const name in headers) {
    const value = headers[name]!;
    if (typeof value !== 'string' || name.length >= LENGTHS.length || value.length >= LENGTHS.length) return undefined;
    text += LENGTHS[name.length]! + name + LENGTHS[value.length]! + value;
    count += 1;
  }
  return count < LENGTHS.length && Buffer.byteLength(text) === text.length ? LENGTHS[count]! + text : undefined;
}

/** In bytes; -1 stands for null, on the wire too. */
const lengthOf = (part: Content): number => (part === null || part === undefined ? -1 : typeof part === 'string' ? Buffer.byteLength(part) : part.length);

const sizeOfContent = (length: number): number => sizeOfVarint(length) + Math.max(length, 0);

function writeContent(buf: Buffer, at: number, part: Content, length: number): number {
  const start = writeVarint(buf, at, length);
  if (part === null || part === undefined) return start;
  return start + (typeof part === 'string' ? buf.write(part, start, length, 'utf8') : part.copy(buf, start));
}

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
