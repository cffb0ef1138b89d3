import { platformConfig } from './platform-config.js';
import { Settings } from './settings.js';

const BASE = { YUNKE_SECRET: 's'.repeat(32) };
const read = (environment: Record<string, string>, services = 6) => {
  const settings = new Settings({ ...BASE, ...environment });
  return { config: platformConfig(settings, services), faults: settings.faults };
};

describe('how the databases are reached', () => {
  const URL = 'postgres://db:5432/yunke_{service}';

  it('takes a name and a password apart from the URL, whatever signs they hold', () => {
    const { config, faults } = read({ YUNKE_DATABASE_URL: URL, YUNKE_DATABASE_USER: 'ann@shop', YUNKE_DATABASE_PASSWORD: 'p/a:s%s?#' });

    const url = new globalThis.URL(config.database!.urlOf('orders'));
    expect(faults).toEqual([]);
    expect([url.pathname, decodeURIComponent(url.username), decodeURIComponent(url.password)]).toEqual(['/yunke_orders', 'ann@shop', 'p/a:s%s?#']);
  });

  it('lets a process of one service name its database, and no other', () => {
    const url = 'postgres://app:secret@yunke-rw:5432/app';
    expect(read({ YUNKE_DATABASE_URL: url }, 1)).toMatchObject({ faults: [] });
    expect(read({ YUNKE_DATABASE_URL: url }, 2).faults).toEqual([expect.stringContaining('must hold {service}')]);
  });

  it('says what is wrong, and never the password', () => {
    expect(read({ YUNKE_DATABASE_URL: `${URL}?sslmode=prefer` }).faults).toEqual([expect.stringContaining('sslmode must be')]);
    expect(read({ YUNKE_DATABASE_URL: 'db secret {service}' }).faults).toEqual([expect.not.stringContaining('secret ')]);
    expect(read({ YUNKE_DATABASE_USER: 'ann' }).faults).toEqual(['YUNKE_DATABASE_USER is of no use without YUNKE_DATABASE_URL']);
  });
});

describe('how Kafka is reached', () => {
  it('takes TLS with SCRAM, checked against a CA of our own', () => {
    const { config, faults } = read({ KAFKA_BROKERS: 'a:9093, b:9093', KAFKA_CA: 'PEM', KAFKA_SASL_USERNAME: 'yunke', KAFKA_SASL_PASSWORD: 'secret', KAFKA_REPLICATION_FACTOR: '3' });

    expect(faults).toEqual([]);
    expect(config.kafka).toEqual({
      brokers: ['a:9093', 'b:9093'], ssl: { rejectUnauthorized: true, ca: ['PEM'] }, sasl: { mechanism: 'scram-sha-512', username: 'yunke', password: 'secret' }, replicationFactor: 3,
    });
  });

  it('takes a client certificate', () => {
    expect(read({ KAFKA_BROKERS: 'a:9093', KAFKA_CLIENT_CERT: 'C', KAFKA_CLIENT_KEY: 'K' }).config.kafka).toEqual({ brokers: ['a:9093'], ssl: { rejectUnauthorized: true, cert: 'C', key: 'K' } });
  });

  it('is plain when nothing is said, and embedded when nothing at all', () => {
    expect(read({ KAFKA_BROKERS: 'a:9092' }).config.kafka).toEqual({ brokers: ['a:9092'] });
    expect(read({}).config.kafka).toBeUndefined();
  });

  it.each([
    [{ KAFKA_BROKERS: 'a' }, 'KAFKA_BROKERS must list host:port'],
    [{ KAFKA_CA: 'PEM' }, 'KAFKA_BROKERS is missing, yet other settings of Kafka are there'],
    [{ KAFKA_BROKERS: 'a:1', KAFKA_TLS: 'off', KAFKA_CA: 'PEM' }, 'KAFKA_TLS is off, yet certificates are given'],
    [{ KAFKA_BROKERS: 'a:1', KAFKA_CLIENT_CERT: 'C' }, 'KAFKA_CLIENT_KEY is missing: a client certificate and its key come together'],
    [{ KAFKA_BROKERS: 'a:1', KAFKA_SASL_USERNAME: 'yunke' }, 'KAFKA_SASL_PASSWORD is missing'],
    [{ KAFKA_BROKERS: 'a:1', KAFKA_SASL_MECHANISM: 'GSSAPI', KAFKA_SASL_USERNAME: 'u', KAFKA_SASL_PASSWORD: 'p' }, 'KAFKA_SASL_MECHANISM must be one of PLAIN, SCRAM-SHA-256, SCRAM-SHA-512'],
    [{ KAFKA_BROKERS: 'a:1', KAFKA_SASL_MECHANISM: 'PLAIN', KAFKA_SASL_USERNAME: 'u', KAFKA_SASL_PASSWORD: 'p' }, 'KAFKA_SASL_MECHANISM PLAIN shows the password to the network: it needs KAFKA_TLS=on'],
  ])('refuses %j', (environment, fault) => {
    expect(read(environment as unknown as Record<string, string>).faults).toEqual([fault]);
  });
});
