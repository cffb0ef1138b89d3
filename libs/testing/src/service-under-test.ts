import { streamOf, type Fact, type Stream } from '@yunke/contracts';
import { embeddedLog, partitionOf, type Append, type EventLog } from '@yunke/events';
import { opaqueId, uuidv5 } from '@yunke/kernel';
import { Settings, TokenKeys, createLogger, importTokenKeys, makeCredentials, migrationsOf, startService, type Credentials, type RunningService, type Service } from '@yunke/service';

import { throwAwayDatabase } from './throw-away-database.js';
import { readAll, type Said } from './read-log.js';

export const SECRET = 'a secret of at least thirty-two characters, for tests';

/** One service, started as `run` starts it, on a real Postgres and the embedded log, with databases of its own. */
export type ServiceUnderTest = RunningService & {
  readonly log: EventLog;
  readonly credentials: Credentials;
  readonly baseUrl: string;
  /** Appends facts of other services to the log, numbered as their relay would; they are heard as usual. */
  hear(...facts: readonly (Fact & { id?: string })[]): Promise<void>;
  /** Everything the service has published on a stream, in order per key. */
  said(stream: Stream): Promise<Said[]>;
};

/** Starts it; stop it with `stop()`. */
export async function serviceUnderTest(service: Service, environment: Record<string, string> = {}): Promise<ServiceUnderTest> {
  const credentials = await makeCredentials();
  const settings = new Settings({ YUNKE_BOOTSTRAP_KEYS: `shop:server:${credentials.writeKey},web:browser:${credentials.browserWriteKey}`, ...environment });
  const log = await embeddedLog(await throwAwayDatabase());
  const running = await startService(service, {
    databaseUrl: await throwAwayDatabase({ name: service.name, migrations: migrationsOf(service) }),
    log, settings, secret: SECRET, partitions: PARTITIONS, migrate: 'run', logger: createLogger(environment['YUNKE_LOG_LEVEL'] ?? 'error'),
    tokenKeys: new TokenKeys(await importTokenKeys([credentials.tokenKey])), failed: (error) => { throw error; },
  });
  const baseUrl = await running.app.listen(0, '127.0.0.1').then(() => running.app.getUrl());
  let n = 0;
  return {
    ...running, log, credentials, baseUrl,
    async hear(...facts) {
      await log.append(facts.map((fact) => append(fact, ++n)));
    },
    said: (stream) => readAll(log, stream),
    async stop() {
      await running.stop();
      await log.close();
    },
  };
}

const PARTITIONS = 4;

function append(fact: Fact & { id?: string }, n: number): Append {
  const stream = streamOf(fact.type);
  const readable = (fact.body as unknown as Record<string, string>)[stream.key]!;
  const key = stream.opaqueKey ? readable : opaqueId(SECRET, stream.key, readable);
  return {
    topic: stream.topic, partition: partitionOf(key, PARTITIONS),
    records: [{ key, value: JSON.stringify(fact.body), headers: { ce_id: fact.id ?? uuidv5(`test|${n}`), ce_type: fact.type, ce_yunken: String(n), ce_yunkeepoch: `test-${stream.service}` } }],
  };
}
