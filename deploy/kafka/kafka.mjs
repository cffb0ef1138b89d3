/**
 * A real Apache Kafka (KRaft, one node) on the host's own Java, for tests and for trying: no Docker, no root.
 *
 *   npm run kafka -- start [--data DIR] [--port N]    in the foreground, until SIGINT or SIGTERM
 *   npm run kafka -- resolve                          only fetch the jars into the cache
 *
 * Without --data everything lives in a temporary folder that is gone afterwards. POSIX only.
 */
import { spawn, spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { cpSync, existsSync, mkdirSync, mkdtempSync, openSync, closeSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { homedir, tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { answers } from './answers.mjs';

const HERE = dirname(fileURLToPath(import.meta.url));
const CACHE = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'yunke', 'kafka-4.4.0');
const MEMORY = ['-Xms128m', '-Xmx512m', '-XX:+UseSerialGC'];
const READY_WITHIN_MS = 90_000;
const STOPPED_WITHIN_MS = 20_000;

const java = () => (process.env.JAVA_HOME ? join(process.env.JAVA_HOME, 'bin', 'java') : 'java');

/** What this host lacks to run a Kafka, in words for a person; undefined when nothing is missing. */
export function kafkaMissing() {
  const missing = [];
  const { stderr, error } = spawnSync(java(), ['-version'], { encoding: 'utf8' });
  const major = Number(/version "(\d+)/.exec(stderr ?? '')?.[1] ?? 0);
  if (error || major < 17) missing.push(`java 17 or newer (${error ? 'none found' : `found ${major}`})`);
  if (!existsSync(CACHE) && spawnSync('mvn', ['--version']).error) missing.push('mvn (Maven, to fetch the jars once)');
  return missing.length > 0 ? missing.join(' and ') : undefined;
}

/** Fills the cache and returns its folder. Complete or absent: it is filled beside and renamed, so two runs at once do no harm. */
export async function resolveKafka(onLog = () => {}) {
  if (existsSync(CACHE)) return CACHE;
  onLog(`fetching Kafka's jars from Maven Central into ${CACHE}`);
  mkdirSync(dirname(CACHE), { recursive: true });
  const partial = mkdtempSync(`${CACHE}.partial-`);
  try {
    // Maven writes beside the pom it is given; a copy keeps the repository clean and may be read-only.
    cpSync(join(HERE, 'pom.xml'), join(partial, 'pom.xml'));
    await run('mvn', ['-q', '-B', '-f', join(partial, 'pom.xml'), 'dependency:copy-dependencies',
      `-DoutputDirectory=${partial}`, '-DincludeScope=runtime']);
    renameSync(partial, CACHE);
  } catch (error) {
    if (!existsSync(CACHE)) throw error;
  } finally {
    rmSync(partial, { recursive: true, force: true });
  }
  return CACHE;
}

/**
 * Starts a broker and returns when a record was produced and read back through a consumer group.
 * `secured` adds a listener with TLS and SCRAM for others than this machine, beside the plain one on the loopback address.
 * Without `dataDir` the data is temporary and deleted by `stop`. The broker dies with this process, also when that is killed.
 *
 * @throws Error with the last 8,000 characters of the broker's log when it does not come up
 */
export async function startKafka({ dataDir, port, secured, onLog = () => {} } = {}) {
  const missing = kafkaMissing();
  if (missing) throw new Error(`Kafka cannot be started here, missing: ${missing}`);
  const jars = await resolveKafka(onLog);
  // A broker of somebody else on a wanted port would answer for ours: be sure that nobody listens there.
  const [broker, controller] = await freePorts(port ?? 0, 0);
  const brokers = `127.0.0.1:${broker}`;
  const folder = dataDir ? resolve(dataDir) : mkdtempSync(join(tmpdir(), 'yunke-kafka-'));
  mkdirSync(folder, { recursive: true });
  const home = { folder, jars, secured, ephemeral: !dataDir, onLog };
  writeFileSync(join(folder, 'server.properties'), properties(brokers, `127.0.0.1:${controller}`, folder) + (secured ? securedProperties(brokers, `127.0.0.1:${controller}`, secured) : ''));
  try {
    await format(home);
    return handle(home, brokers, await launch(home, brokers));
  } catch (error) {
    if (home.ephemeral) rmSync(folder, { recursive: true, force: true });
    throw error;
  }
}

function handle(home, brokers, first) {
  let child = first;
  const kafka = {
    brokers,
    dataDir: home.folder,
    get pid() { return child.pid; },
    /** Settles with the exit code or signal of the broker that runs now. */
    exited: () => exited(child),
    /** Sends the signal and returns when the process is gone. */
    async kill(signal = 'SIGKILL') {
      child.kill(signal);
      await exited(child);
    },
    /** Frozen: connections stay open and nothing answers. */
    pause: () => child.kill('SIGSTOP'),
    resume: () => child.kill('SIGCONT'),
    /** The same port and the same data; a broker that still runs is shut down first. Returns when it is ready again. */
    async restart() {
      await shutDown(child);
      child = await launch(home, brokers);
    },
    async stop() {
      if (home.ephemeral) child.kill('SIGKILL');
      await shutDown(child);
      if (home.ephemeral) rmSync(home.folder, { recursive: true, force: true });
    },
  };
  return kafka;
}

async function format({ folder, jars, secured, onLog }) {
  if (existsSync(join(folder, 'log', 'meta.properties'))) return;
  onLog('formatting');
  // Interpreted and lightly compiled code is enough for a process of one second.
  const tool = ['-XX:TieredStopAtLevel=1', ...MEMORY, `-Dlog4j2.configurationFile=${join(HERE, 'log4j2.yaml')}`, '-cp', join(jars, '*'), 'kafka.tools.StorageTool'];
  // Kafka's own ids are 16 bytes in base64url; a leading dash would read as an option.
  const id = Buffer.from(`4${randomUUID().replaceAll('-', '').slice(1)}`, 'hex').toString('base64url');
  await run(java(), [...tool, 'format', '-t', id, '-c', join(folder, 'server.properties'),
    ...(secured ? ['--add-scram', `SCRAM-SHA-512=[name=${secured.user},password=${secured.password}]`] : [])]);
}

async function launch(home, brokers) {
  await freePorts(Number(brokers.split(':')[1]));
  const log = openSync(join(home.folder, 'kafka.log'), 'a');
  const child = spawn(java(), [
    ...MEMORY, `-Dlog4j2.configurationFile=${join(HERE, 'log4j2.yaml')}`, '-cp', join(home.jars, '*'), 'kafka.Kafka', join(home.folder, 'server.properties'),
  ], { stdio: ['ignore', log, log] });
  closeSync(log);
  const failed = once(child, 'error').then(([error]) => { throw error; });
  failed.catch(() => {});
  dieTogether(child, home);
  home.onLog(`starting, pid ${child.pid}`);
  try {
    await Promise.race([ready(brokers, child), failed]);
    return child;
  } catch (error) {
    child.kill('SIGKILL');
    throw new Error(`Kafka did not become ready: ${error.message}\n${readFileSync(join(home.folder, 'kafka.log'), 'utf8').slice(-8000)}`);
  }
}

async function ready(brokers, child) {
  const until = Date.now() + READY_WITHIN_MS;
  const [host, port] = brokers.split(':');
  let last = new Error(`nothing listens on ${brokers}`);
  while (Date.now() < until) {
    if (gone(child)) throw new Error(`it ended with ${child.exitCode ?? child.signalCode}`);
    try {
      return await answers(host, Number(port));
    } catch (error) {
      last = error;
      await sleep(50);
    }
  }
  throw last;
}

const alive = new Set();
process.on('exit', () => alive.forEach((child) => child.kill('SIGKILL')));

/**
 * Ties the broker's life to ours. The exit handler covers an orderly end; for a SIGKILL of this process a tiny shell waits
 * on a pipe that only we hold open: when the pipe closes it kills the broker and clears temporary data.
 */
function dieTogether(child, { folder, ephemeral }) {
  alive.add(child);
  const script = 'read -r _; kill -9 "$1"; if [ -n "$2" ]; then sleep 1; rm -rf "$2"; fi';
  const watcher = spawn('sh', ['-c', script, 'sh', String(child.pid), ephemeral ? folder : ''], { stdio: ['pipe', 'ignore', 'ignore'], detached: true });
  watcher.on('error', () => {});
  watcher.unref();
  watcher.stdin.unref();
  // First of all the watcher: its process id must never outlive the broker's.
  child.once('exit', () => {
    watcher.kill('SIGKILL');
    alive.delete(child);
  });
}

const gone = (child) => child.exitCode !== null || child.signalCode !== null;

const exited = async (child) => {
  if (!gone(child)) await once(child, 'exit');
  return child.exitCode ?? child.signalCode;
};

async function shutDown(child) {
  if (gone(child)) return;
  child.kill('SIGCONT');
  child.kill('SIGTERM');
  const late = setTimeout(() => child.kill('SIGKILL'), STOPPED_WITHIN_MS);
  await exited(child);
  clearTimeout(late);
}

/** Runs to the end and returns what was printed. @throws Error with the last of it when the command fails */
async function run(command, args) {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let out = '';
  let all = '';
  child.stdout.on('data', (chunk) => { out += chunk; all += chunk; });
  child.stderr.on('data', (chunk) => { all += chunk; });
  const [code] = await once(child, 'close');
  if (code !== 0) throw new Error(`${command} failed:\n${all.slice(-8000)}`);
  return out;
}

/** Ports that are free now; 0 stands for any, and all are bound together, so that they differ. @throws when one is taken */
async function freePorts(...wanted) {
  const servers = wanted.map(() => createServer());
  try {
    for (const [i, server] of servers.entries()) await once(server.listen(wanted[i], '127.0.0.1'), 'listening');
    return servers.map((server) => server.address().port);
  } finally {
    for (const server of servers) server.close();
  }
}

// The static `quorum.voters` (not the dynamic quorum) lets kept data start again with another controller port.
const properties = (broker, controller, folder) => `
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@${controller}
listeners=PLAINTEXT://${broker},CONTROLLER://${controller}
advertised.listeners=PLAINTEXT://${broker}
controller.listener.names=CONTROLLER
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs=${join(folder, 'log')}
auto.create.topics.enable=false
group.initial.rebalance.delay.ms=0
# After a kill the controller refuses the broker until its former session is over: 9 s by default, too long for tests.
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
offsets.topic.num.partitions=4
offsets.topic.replication.factor=1
transaction.state.log.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.num.partitions=4
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
`;

// Later lines win.
const securedProperties = (broker, controller, { listener, keystore }) => `
listeners=PLAINTEXT://${broker},SECURED://${listener},CONTROLLER://${controller}
advertised.listeners=PLAINTEXT://${broker},SECURED://${listener}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SECURED:SASL_SSL
inter.broker.listener.name=PLAINTEXT
sasl.enabled.mechanisms=SCRAM-SHA-512
listener.name.secured.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
listener.name.secured.ssl.keystore.type=PEM
listener.name.secured.ssl.keystore.location=${keystore}
`;

/** npm's shell does not pass SIGTERM on: under npm the end of our parent means stop. */
async function orphaned() {
  const parent = process.ppid;
  while (!process.env.npm_lifecycle_event || process.ppid === parent) await sleep(500, undefined, { ref: false });
}

async function main() {
  const { values, positionals } = parseArgs({ allowPositionals: true, options: { data: { type: 'string' }, port: { type: 'string' } } });
  const onLog = (line) => console.error(`kafka: ${line}`);
  if (positionals[0] === 'resolve') return void console.log(await resolveKafka(onLog));
  if (positionals[0] !== 'start') throw new Error('usage: npm run kafka -- start [--data DIR] [--port N] | resolve');
  const asked = Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM'), orphaned()]).then(() => 'asked');
  const starting = startKafka({ dataDir: values.data, port: values.port && Number(values.port), onLog });
  const kafka = await Promise.race([starting, asked]);
  if (kafka === 'asked') process.exit(0);
  console.log(`Kafka ready: KAFKA_BROKERS=${kafka.brokers}`);
  const why = await Promise.race([asked, kafka.exited()]);
  await kafka.stop();
  if (why !== 'asked') throw new Error(`the broker ended by itself with ${why}`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  main().catch((error) => {
    console.error(error.message);
    process.exit(1);
  });
}
