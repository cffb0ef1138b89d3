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
 * Reads one record of a Kafka record batch (magic 2) at the start of `buffer`. kafkajs copies the headers so far for each further header, and
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
