import { Injectable, type OnModuleInit } from '@nestjs/common';

import { Problem, clockOffset } from '@yunke/kernel';
import { Db } from '@yunke/postgres';

import { IngestionConfig } from '../ingestion.config.js';
import type { Door } from '../intake/item.js';
import { findGrant, saveKey, saveSource, type Grant } from './source.store.js';

const REMEMBER_MS = 10_000;
const KEYS_REMEMBERED = 10_000;

/** Knows write keys. What a key opens is remembered for ten seconds; a key that opens nothing is asked for every time. */
@Injectable()
export class Doorkeeper implements OnModuleInit {
  readonly #known = new Map<string, { grant: Grant; until: number }>();

  constructor(private readonly db: Db, private readonly config: IngestionConfig) {}

  /** The keys that the installation came with. */
  async onModuleInit(): Promise<void> {
    for (const { source, kind, key, history } of this.config.bootstrapKeys) {
      await saveSource(this.db, source, history);
      await saveKey(this.db, { source, kind, key });
    }
  }

  /** The door that a key opens. @throws key.missing, key.invalid (401) */
  async open(key: string | undefined): Promise<Door> {
    if (!key) throw new Problem('forbidden', 'key.missing', 'Send a write key.', { status: 401 });
    const grant = await this.#grant(key);
    if (!grant) throw new Problem('forbidden', 'key.invalid', 'This write key is not known, or no longer.', { status: 401 });
    return { ...grant, receivedAt: Date.now() + clockOffset() };
  }

  async #grant(key: string): Promise<Grant | undefined> {
    const known = this.#known.get(key);
    if (known && known.until > performance.now()) return known.grant;
    const grant = await findGrant(this.db, key);
    this.#known.delete(key);
    if (!grant) return undefined;
    if (this.#known.size >= KEYS_REMEMBERED) this.#known.delete(this.#known.keys().next().value!);
    this.#known.set(key, { grant, until: performance.now() + REMEMBER_MS });
    return grant;
  }
}

/** The write key of a request: `Basic <key>:`, `Bearer <key>`, or the body's `writeKey`. */
export function keyOf(authorization: string | undefined, body: unknown): string | undefined {
  const [scheme, value] = (authorization ?? '').split(' ', 2);
  if (/^basic$/i.test(scheme!) && value) return Buffer.from(value, 'base64').toString().split(':', 1)[0] || undefined;
  if (/^bearer$/i.test(scheme!) && value) return value;
  const named = (body as { writeKey?: unknown } | null)?.writeKey;
  return typeof named === 'string' ? named : undefined;
}
