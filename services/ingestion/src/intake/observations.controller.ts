import { Body, Controller, Headers, HttpCode, Post, Req } from '@nestjs/common';
import { ApiBody, ApiTags } from '@nestjs/swagger';

import { Problem } from '@yunke/kernel';
import { NATIVE_BODY, Public, TakesBody } from '@yunke/service';

import { Doorkeeper, keyOf } from '../source/doorkeeper.worker.js';
import { Accepter } from './accepter.worker.js';
import { readNative } from './native.js';
import type { Item, Outcome } from './item.js';

const LARGEST_OBSERVATION = 256 * 1024;

/** The answer to a batch: one bad item never sinks it. */
export type Receipt = { readonly accepted: number; readonly duplicate: number; readonly quarantined: number; readonly results: readonly Outcome[] };

@ApiTags('intake')
@Controller('v1/observations')
export class ObservationsController {
  constructor(private readonly doorkeeper: Doorkeeper, private readonly accepter: Accepter) {}

  /** A native batch: `{"observations": [{"type": "OrderObserved", …}, …]}`, up to 5,000. 202: stored durably. */
  @Post() @HttpCode(202) @Public() @TakesBody({ ...NATIVE_BODY, keepsRaw: true })
  @ApiBody({ schema: { type: 'object', required: ['observations'], properties: { observations: { type: 'array', maxItems: 5_000, items: { type: 'object' } } } } })
  async take(@Headers('authorization') authorization: string | undefined, @Body() body: unknown, @Req() { rawBody }: { rawBody: Buffer }): Promise<Receipt> {
    const door = await this.doorkeeper.open(keyOf(authorization, body));
    if (door.kind !== 'server') throw new Problem('forbidden', 'key.kind', 'Native observations need a server key.');
    const observations = observationsIn(body);
    if (!Array.isArray(observations) || observations.length === 0) {
      throw new Problem('invalid', 'validation_failed', 'The body must hold observations.', { errors: [{ pointer: '/observations', code: 'validation_failed', message: 'It must be a list with at least one observation.' }] });
    }
    let asTheyCame: unknown[] | undefined;
    const items = observations.map((raw: unknown, place): Item => (tooLarge(raw)
      ? { messageId: undefined, raw: () => null, faults: [{ pointer: '', code: 'observation_too_large', message: 'An observation has at most 256 KB.' }] }
      : readNative(raw, door, () => (asTheyCame ??= observationsIn(JSON.parse(rawBody.toString())) as unknown[])[place])));
    return receipt(await this.accepter.accept({ door, dialect: 'native', items }));
  }
}

const observationsIn = (body: unknown): unknown => (body as { observations?: unknown } | null)?.observations;

/** Only long lists can be that large: the usual observation is not measured. */
function tooLarge(raw: unknown): boolean {
  const { lines, attributes, properties } = (raw ?? {}) as { lines?: unknown; attributes?: unknown; properties?: unknown };
  return (Array.isArray(lines) && lines.length > 100) || attributes !== undefined || properties !== undefined ? Buffer.byteLength(JSON.stringify(raw)) > LARGEST_OBSERVATION : false;
}

export function receipt(results: readonly Outcome[]): Receipt {
  const counts = { accepted: 0, duplicate: 0, quarantined: 0 };
  for (const { status } of results) counts[status] += 1;
  return { ...counts, results };
}
