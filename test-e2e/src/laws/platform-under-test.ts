import { streamOf, type Fact, type Stream } from '@yunke/contracts';
import { embeddedLog, partitionOf, type Append, type EventLog } from '@yunke/events';
import { opaqueId, uuidv5, type Millis } from '@yunke/kernel';
import { Settings, TokenKeys, createLogger, importTokenKeys, makeCredentials, migrationsOf, startService, type RunningService, type Service } from '@yunke/service';
import { SECRET, eventually, readAll, throwAwayDatabase, type Said } from '@yunke/testing';

/** Some services in this process, with their real relays on one embedded log and a real Postgres; the door's part is played by `hear`. */
export type PlatformUnderTest = {
  /** Puts observations into the log, numbered as ingestion's relay would. Returns how to send the very same batch once more, as a relay does that was cut off. */
  hear(observations: readonly Fact[]): Promise<() => Promise<void>>;
  /** Does something while a service is away, which then comes back and hears what it missed: whole partitions, one after the other. */
  without(service: string, work: () => Promise<void>): Promise<void>;
  /** Waits until everything was heard, said and published and no timer is due. Returns the database's time then. @throws Error when a record was parked */
  quiet(): Promise<Millis>;
  /** Asks a service's API; undefined for 404. */
  get<T>(service: string, path: string): Promise<T | undefined>;
  /** Everything that is on a topic. */
  said(stream: Stream): Promise<Said[]>;
  stop(): Promise<void>;
};

const PARTITIONS = 4;
const QUIET_WITHIN_MS = 60_000;

export async function platformUnderTest(services: readonly Service[]): Promise<PlatformUnderTest> {
  const credentials = await makeCredentials();
  const heard = new Map<string, readonly string[]>();
  const log = noting(await embeddedLog(await throwAwayDatabase()), heard);
  const running = new Map<string, RunningService>();
  const common = {
    log, settings: new Settings({}), secret: SECRET, partitions: PARTITIONS, migrate: 'run' as const, logger: createLogger('error'),
    tokenKeys: new TokenKeys(await importTokenKeys([credentials.tokenKey])), failed: (error: unknown) => { throw error; },
  };
  const databases = new Map(await Promise.all(services.map(async (service) => [service.name, await throwAwayDatabase({ name: service.name, migrations: migrationsOf(service) })] as const)));
  const start = async (service: Service): Promise<unknown> => running.set(service.name, await startService(service, { ...common, databaseUrl: databases.get(service.name)! }));
  await Promise.all(services.map(start));
  let n = 0;
  return {
    async hear(observations) {
      const batch = observations.map((fact) => append(fact, ++n));
      await log.append(batch);
      return () => log.append(batch);
    },
    async without(name, work) {
      await running.get(name)!.stop();
      running.delete(name);
      try {
        await work();
      } finally {
        await start(services.find((service) => service.name === name)!);
      }
    },
    quiet: () => quiet([...running.values()], log, heard),
    async get<T>(service: string, path: string): Promise<T | undefined> {
      const { statusCode, payload } = await running.get(service)!.app.inject({ url: path, headers: { authorization: `Bearer ${credentials.apiToken}` } });
      if (statusCode !== 200 && statusCode !== 404) throw new Error(`${service} answers ${statusCode} to ${path}`);
      return statusCode === 200 ? JSON.parse(payload) as T : undefined;
    },
    said: (stream) => readAll(log, stream),
    async stop() {
      await Promise.all([...running.values()].map((service) => service.stop()));
      await log.close();
    },
  };
}

/** The same log, that notes which group hears which topics. */
function noting(log: EventLog, heard: Map<string, readonly string[]>): EventLog {
  return {
    createTopics: (topics) => log.createTopics(topics),
    append: (batch) => log.append(batch),
    watermarks: (topics) => log.watermarks(topics),
    close: () => log.close(),
    consume: (options) => (heard.set(options.group, options.topics), log.consume(options)),
  };
}

/** The record that ingestion's relay makes of an observation. */
function append({ type, body }: Fact, n: number): Append {
  const stream = streamOf(type);
  const said = body as unknown as Record<string, string>;
  const key = opaqueId(SECRET, stream.key, said[stream.key]!);
  const headers = { ce_id: uuidv5(`${said['source']}|${said['messageId']}|${type}`), ce_type: type, ce_yunken: String(n), ce_yunkeepoch: 'law' };
  return { topic: stream.topic, partition: partitionOf(key, PARTITIONS), records: [{ key, value: JSON.stringify(body), headers }] };
}

/**
 * Twice in a row, with nothing appended in between: every position at its partition's end, outboxes empty, no timer due. The
 * ends are read first, so that what is published while we look moves an end that the second look sees.
 */
async function quiet(running: readonly RunningService[], log: EventLog, heard: ReadonlyMap<string, readonly string[]>): Promise<Millis> {
  let before = '';
  const parked = await eventually(async () => {
    const marks = await log.watermarks([...new Set([...heard.values()].flat())]);
    const looks = await Promise.all(running.map((service) => look(service, marks, heard.get(`yunke.${service.service.name}`) ?? [])));
    const stuck = looks.flatMap((one) => one.parked);
    if (stuck.length > 0) return stuck;
    const [ends, waiting] = [JSON.stringify([...marks]), looks.flatMap((one) => one.waiting)];
    const again = ends === before;
    before = waiting.length > 0 ? '' : ends;
    if (waiting.length > 0 || !again) throw new Error(`still at work: ${waiting.join(', ') || 'looked once'}`);
    return [];
  }, QUIET_WITHIN_MS);
  if (parked.length > 0) throw new Error(`parked or stopped: ${parked.join(', ')}`);
  return running[0]!.db.now();
}

type Marks = Awaited<ReturnType<EventLog['watermarks']>>;

async function look({ service: { name }, db }: RunningService, marks: Marks, topics: readonly string[]): Promise<{ waiting: string[]; parked: string[] }> {
  const rows = await db.query<{ topic: string; partition: number; next: number; trouble: boolean }>(
    'select topic, partition, next_offset::float8 as next, parked > 0 or stopped is not null as trouble from consumer_position');
  const next = new Map(rows.map((row) => [`${row.topic}/${row.partition}`, row.next]));
  const [rest] = await db.query<{ outbox: number; due: number }>(
    'select (select count(*)::int from outbox) as outbox, (select count(*)::int from timers where due_at <= clock_timestamp()) as due');
  const behind = topics.flatMap((topic) => marks.get(topic)!.flatMap(({ low, high }, partition) => ((next.get(`${topic}/${partition}`) ?? low) < high ? [`${name} behind on ${topic}/${partition}`] : [])));
  return {
    parked: rows.filter(({ trouble }) => trouble).map(({ topic, partition }) => `${name} ${topic}/${partition}`),
    waiting: [...behind, ...(rest!.outbox > 0 ? [`${name} has something to publish`] : []), ...(rest!.due > 0 ? [`${name} has timers due`] : [])],
  };
}
