import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { Client } from 'pg';

import { startEmbeddedPostgres } from '@yunke/postgres';

import { startKafka } from '../../../deploy/kafka/kafka.mjs';
import { SERVICES, freePort } from '../platform/platform.js';

/** Kafka and PostgreSQL outside the cluster: TLS and SCRAM for pods, plain on the loopback address for the test's own eyes. */
export type Outside = {
  /** PEM of the authority that signed both servers' certificates. */
  readonly ca: string;
  readonly user: string;
  /** Of PostgreSQL. */
  readonly password: string;
  /** Of Kafka. */
  readonly scramPassword: string;
  readonly kafka: { readonly port: number; readonly brokers: string };
  readonly postgres: { readonly port: number; readonly url: string };
  /** Where somebody else's server may listen for webhooks. */
  readonly hooks: { readonly host: string; readonly port: number };
  stop(): Promise<void>;
};

/** Starts both so that pods find them at `host`, an address of this machine. */
export async function startOutside(host: string): Promise<Outside> {
  const directory = mkdtempSync(join(tmpdir(), 'yunke-kube-'));
  const [user, password] = ['yunke', `p/a:s%s?#${crypto.randomUUID()}`]; // signs that a URL would trip over
  const scramPassword = crypto.randomUUID();
  certificates(directory, host);
  const kafkaPort = await freePort();
  const kafka = await startKafka({ secured: { listener: `${host}:${kafkaPort}`, keystore: join(directory, 'both.pem'), user, password: scramPassword } });
  writeFileSync(join(directory, 'hba'), 'host all postgres 127.0.0.1/32 trust\nhostssl all yunke all scram-sha-256\n');
  const settings = [`listen_addresses=127.0.0.1,${host}`, 'ssl=on', `ssl_cert_file=${join(directory, 'server.pem')}`, `ssl_key_file=${join(directory, 'server.key')}`, `hba_file=${join(directory, 'hba')}`];
  const postgres = await startEmbeddedPostgres({ directory: join(directory, 'postgres'), ephemeral: true, maxConnections: 500, settings });
  await databases(postgres.url('postgres'), user, password);
  return {
    ca: readFileSync(join(directory, 'ca.pem'), 'utf8'), user, password, scramPassword,
    kafka: { port: kafkaPort, brokers: kafka.brokers }, postgres: { port: postgres.port, url: postgres.url('yunke_{service}') }, hooks: { host, port: await freePort() },
    async stop() {
      await kafka.stop();
      await postgres.stop();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

function certificates(directory: string, host: string): void {
  const openssl = (...args: string[]): void => void execFileSync('openssl', args, { cwd: directory, stdio: 'ignore' });
  openssl('req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2', '-subj', '/CN=yunke-test-ca', '-keyout', 'ca.key', '-out', 'ca.pem');
  openssl('req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-subj', '/CN=outside', '-keyout', 'server.key', '-out', 'server.csr');
  writeFileSync(join(directory, 'ext'), `subjectAltName=IP:${host}\n`);
  openssl('x509', '-req', '-in', 'server.csr', '-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial', '-days', '2', '-extfile', 'ext', '-out', 'server.pem');
  chmodSync(join(directory, 'server.key'), 0o600);
  writeFileSync(join(directory, 'both.pem'), readFileSync(join(directory, 'server.key'), 'utf8') + readFileSync(join(directory, 'server.pem'), 'utf8'));
}

/** A user without other rights, and a database a service that is the user's own. */
async function databases(url: string, user: string, password: string): Promise<void> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(`create role ${user} login password ${client.escapeLiteral(password)}`);
    for (const service of SERVICES) await client.query(`create database yunke_${service} owner ${user}`);
  } finally {
    await client.end();
  }
}
