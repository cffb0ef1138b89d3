import type { KafkaOptions } from '@yunke/events';

import type { Settings } from './settings.js';

const MECHANISMS = { PLAIN: 'plain', 'SCRAM-SHA-256': 'scram-sha-256', 'SCRAM-SHA-512': 'scram-sha-512' } as const;

/** How to reach the Kafka cluster. */
export type KafkaConfig = Pick<KafkaOptions, 'brokers' | 'ssl' | 'sasl' | 'replicationFactor'>;

/**
 * Reads `KAFKA_BROKERS`; `KAFKA_TLS` (`on`, or implied by a CA), `KAFKA_CA`, `KAFKA_CLIENT_CERT` and `KAFKA_CLIENT_KEY` (PEM);
 * `KAFKA_SASL_MECHANISM`, `_USERNAME`, `_PASSWORD`; `KAFKA_REPLICATION_FACTOR` of topics that are created.
 * Absent: the embedded log. What is wrong is remembered in `settings`.
 */
export function kafkaConfig(settings: Settings): KafkaConfig | undefined {
  const brokers = settings.list('KAFKA_BROKERS');
  const ssl = tls(settings);
  const sasl = login(settings, ssl !== undefined);
  const replicationFactor = settings.optional('KAFKA_REPLICATION_FACTOR') === undefined ? undefined : settings.integer('KAFKA_REPLICATION_FACTOR', { least: 1, most: 32_767 });
  for (const broker of brokers) if (!/^(\[[\da-f:.]+\]|[^\s:/]+):\d+$/i.test(broker)) settings.fault('KAFKA_BROKERS', 'must list host:port');
  if (brokers.length > 0) return { brokers, ...(ssl && { ssl }), ...(sasl && { sasl }), ...(replicationFactor && { replicationFactor }) };
  if (ssl || sasl || replicationFactor) settings.fault('KAFKA_BROKERS', 'is missing, yet other settings of Kafka are there');
  return undefined;
}

function tls(settings: Settings): KafkaConfig['ssl'] {
  const ca = settings.optional('KAFKA_CA');
  const cert = settings.optional('KAFKA_CLIENT_CERT');
  const key = settings.optional('KAFKA_CLIENT_KEY');
  const wanted = settings.oneOf('KAFKA_TLS', ['on', 'off'], ca || cert || key ? 'on' : 'off') === 'on';
  if (!wanted && (ca || cert || key)) settings.fault('KAFKA_TLS', 'is off, yet certificates are given');
  if (Boolean(cert) !== Boolean(key)) settings.fault(cert ? 'KAFKA_CLIENT_KEY' : 'KAFKA_CLIENT_CERT', 'is missing: a client certificate and its key come together');
  if (!wanted) return undefined;
  return { rejectUnauthorized: true, ...(ca && { ca: [ca] }), ...(cert && { cert }), ...(key && { key }) };
}

function login(settings: Settings, encrypted: boolean): KafkaConfig['sasl'] {
  const username = settings.optional('KAFKA_SASL_USERNAME');
  const password = settings.optional('KAFKA_SASL_PASSWORD');
  if (settings.optional('KAFKA_SASL_MECHANISM') === undefined && !username && !password) return undefined;
  const mechanism = settings.oneOf('KAFKA_SASL_MECHANISM', Object.keys(MECHANISMS) as (keyof typeof MECHANISMS)[], 'SCRAM-SHA-512');
  if (!username) settings.fault('KAFKA_SASL_USERNAME', 'is missing');
  if (!password) settings.fault('KAFKA_SASL_PASSWORD', 'is missing');
  if (mechanism === 'PLAIN' && !encrypted) settings.fault('KAFKA_SASL_MECHANISM', 'PLAIN shows the password to the network: it needs KAFKA_TLS=on');
  return { mechanism: MECHANISMS[mechanism], username: username ?? '', password: password ?? '' };
}
