import { resolve } from 'node:path';

import { importJWK, importSPKI, type CryptoKey } from 'jose';

import { databaseConfig, type DatabaseConfig } from './database-config.js';
import { kafkaConfig, type KafkaConfig } from './kafka-config.js';
import type { Settings } from './settings.js';

/** What a process needs to know beside its services' own settings. */
export type PlatformConfig = {
  readonly host: string;
  readonly port: number;
  /** Where embedded data and credentials live. */
  readonly data: string;
  /** Absent: the embedded Postgres. */
  readonly database: DatabaseConfig | undefined;
  /** Absent: the embedded log. */
  readonly kafka: KafkaConfig | undefined;
  readonly partitions: number;
  readonly secret: string;
  readonly tokenKeys: readonly string[];
  readonly migrate: 'run' | 'wait';
  /** How long a process that was told to end still answers, so that load balancers and clients can look elsewhere. */
  readonly drainMs: number;
  readonly logLevel: string;
};

const LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'silent'] as const;

/** Reads it, for a process of so many services; what is wrong is remembered in `settings`. */
export function platformConfig(settings: Settings, services: number): PlatformConfig {
  const secret = settings.text('YUNKE_SECRET');
  if (secret && secret.length < 32) settings.fault('YUNKE_SECRET', 'must have at least 32 characters');
  if (settings.optional('YUNKE_CLOCK') && process.env['NODE_ENV'] === 'production') settings.fault('YUNKE_CLOCK', 'is for tests: production has the real time');
  return {
    host: settings.text('YUNKE_HOST', '127.0.0.1'),
    port: settings.integer('YUNKE_PORT', { fallback: 8080, most: 65_535 }),
    data: resolve(settings.text('YUNKE_DATA', '.yunke')),
    database: databaseConfig(settings, services),
    kafka: kafkaConfig(settings),
    partitions: partitionsSetting(settings),
    secret,
    tokenKeys: settings.list('YUNKE_TOKEN_KEYS'),
    migrate: settings.oneOf('YUNKE_MIGRATE', ['run', 'wait'], 'run'),
    drainMs: settings.integer('YUNKE_DRAIN_SECONDS', { fallback: 0, most: 60 }) * 1_000,
    logLevel: settings.oneOf('YUNKE_LOG_LEVEL', LEVELS, 'info'),
  };
}

/** How many partitions the topics of this installation have; chosen before its first start. */
export const partitionsSetting = (settings: Settings): number => settings.integer('YUNKE_PARTITIONS', { fallback: 12, least: 1, most: 1_000 });

/** The public keys that check API tokens: each an Ed25519 key as base64url (`x` of its JWK) or PEM with \n escaped. @throws Error for a key that is none */
export function importTokenKeys(keys: readonly string[]): Promise<CryptoKey[]> {
  return Promise.all(keys.map(async (key) => {
    if (key.includes('BEGIN')) return importSPKI(key.replaceAll('\\n', '\n'), 'EdDSA');
    return (await importJWK({ kty: 'OKP', crv: 'Ed25519', x: key }, 'EdDSA')) as CryptoKey;
  }));
}
