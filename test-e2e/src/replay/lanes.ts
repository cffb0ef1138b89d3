import type { Observation } from './mapping.js';

export type Batch = { readonly body: string; readonly observations: number; readonly lines: number };

type Lane = { texts: string[]; bytes: number; lines: number; sending: Promise<void> };

const LANES = 4;
const OBSERVATIONS_PER_BATCH = 150;
/** Below the door's 2 MB, with room for one more observation of the largest size. */
const BYTES_PER_BATCH = 1_500_000;
const LARGEST_OBSERVATION = 256 * 1_024;

/**
 * Sends observations in batches, a few requests at once. What has one key goes one lane, and a lane sends a batch only when the
 * one before it was answered, so the order per key is the order in which they came. `add` waits while its lane is full.
 */
export class Lanes {
  readonly #lanes = Array.from({ length: LANES }, (): Lane => ({ ...EMPTY(), sending: Promise.resolve() }));
  #failure: { readonly error: unknown } | undefined;

  constructor(private readonly send: (batch: Batch) => Promise<void>) {}

  /** @throws what `send` threw, and Error for an observation that the door would not take */
  async add({ key, lines, body }: Observation): Promise<void> {
    const text = JSON.stringify(body);
    const bytes = Buffer.byteLength(text);
    if (bytes > LARGEST_OBSERVATION) throw new Error(`${body.messageId} has ${bytes} bytes; the door takes 256 KB an observation.`);
    const lane = this.#lanes[laneOf(key)]!;
    lane.texts.push(text);
    lane.bytes += bytes + 1;
    lane.lines += lines;
    if (lane.texts.length >= OBSERVATIONS_PER_BATCH || lane.bytes >= BYTES_PER_BATCH) await this.#flush(lane);
  }

  /** Sends what is left and waits until all of it was answered. */
  async finish(): Promise<void> {
    for (const lane of this.#lanes) if (lane.texts.length > 0) await this.#flush(lane);
    await Promise.all(this.#lanes.map(({ sending }) => sending));
    if (this.#failure) throw this.#failure.error;
  }

  async #flush(lane: Lane): Promise<void> {
    await lane.sending;
    if (this.#failure) throw this.#failure.error;
    const { texts, lines } = lane;
    Object.assign(lane, EMPTY());
    lane.sending = this.send({ body: `{"observations":[${texts.join(',')}]}`, observations: texts.length, lines }).catch((error: unknown) => {
      this.#failure ??= { error };
    });
  }
}

const EMPTY = (): Omit<Lane, 'sending'> => ({ texts: [], bytes: 0, lines: 0 });

function laneOf(key: string): number {
  let hash = 7;
  for (let at = 0; at < key.length; at += 1) hash = (hash * 31 + key.charCodeAt(at)) | 0;
  return (hash >>> 0) % LANES;
}
