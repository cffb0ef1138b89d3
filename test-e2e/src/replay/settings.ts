import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

import type { Shape } from './own-platform.js';

export const USAGE = `npm run replay -- <file.csv.gz> [options]

  --check            compare every customer and every stock level with plain SQL over the file, see that history has written to nobody and alarmed
                     nobody, and that one live order and one live shortage do; exit code 1 when anything differs
  --json FILE        write what was measured
  --platform SHAPE   start a platform for this run and throw it away: \`one\` process on the embedded log, or \`split\` into six on a Kafka of its own
  --kill             with --platform: half-way, kill all of it and its database (-9), and start them again; nothing else may differ
  --url URL          where the platform is (http://127.0.0.1:8080)
  --at SERVICE=URL   where one service is, when the platform runs as several processes: ingestion, identity, segmentation, orders, inventory, notifications
  --token TOKEN      an API token of an operator; else the one in <YUNKE_DATA or .yunke>/credentials
  --source NAME      the source to send as (online-retail); it is made, with history, and a write key for this run
  --scratch URL      a Postgres database for the comparison; else one is started and thrown away`;

export const SERVICES = ['ingestion', 'identity', 'segmentation', 'orders', 'inventory', 'notifications'] as const;
export type ServiceName = (typeof SERVICES)[number];

export type Settings = {
  readonly file: string;
  readonly urls: Readonly<Record<ServiceName, string>>;
  readonly token: string;
  readonly source: string;
  readonly check: boolean;
  readonly json: string | undefined;
  readonly scratch: string | undefined;
  /** A platform of this run's own; then `urls` and `token` are its. */
  readonly platform: Shape | undefined;
  readonly kill: boolean;
};

/** What the command line asks for. @throws Error that says what is wrong with it */
export function readSettings(argv: readonly string[], environment: Readonly<Record<string, string | undefined>>): Settings {
  const text = { type: 'string' } as const;
  const { values, positionals } = parseArgs({
    args: [...argv], allowPositionals: true,
    options: { check: { type: 'boolean' }, kill: { type: 'boolean' }, platform: text, json: text, url: text, at: { ...text, multiple: true }, token: text, source: text, scratch: text },
  });
  const [file, ...more] = positionals;
  if (file === undefined || more.length > 0) throw new Error('Name one file.');
  const { kill = false, check = false, source = 'online-retail', json, scratch } = values;
  const platform = shapeOf(values.platform);
  if (kill && platform === undefined) throw new Error('--kill kills only a platform of its own: give --platform too.');
  const common = { file, source, check, json, scratch, platform, kill };
  if (platform) return { ...common, urls: urlsOf('', []), token: '' };
  const own = values.token !== undefined && values.url !== undefined ? {} : ownInstallation(environment);
  const token = values.token ?? own.apiToken;
  if (token === undefined) throw new Error(`There is no API token: give --token, or start the platform here, which writes ${fileOf(environment)}.`);
  const urls = urlsOf((values.url ?? own.url ?? 'http://127.0.0.1:8080').replace(/\/$/, ''), values.at ?? []);
  return { ...common, urls, token };
}

function shapeOf(text: string | undefined): Shape | undefined {
  if (text === undefined || text === 'one' || text === 'split') return text;
  throw new Error('--platform takes one or split.');
}

const fileOf = (environment: Readonly<Record<string, string | undefined>>): string => join(environment['YUNKE_DATA'] ?? '.yunke', 'credentials');

/** What `npm start` left for its own machine, if it ran here. */
function ownInstallation(environment: Readonly<Record<string, string | undefined>>): { url?: string; apiToken?: string } {
  try {
    return JSON.parse(readFileSync(fileOf(environment), 'utf8')) as { url?: string; apiToken?: string };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return {};
    throw error;
  }
}

function urlsOf(usual: string, named: readonly string[]): Record<ServiceName, string> {
  const urls = Object.fromEntries(SERVICES.map((service) => [service, usual])) as Record<ServiceName, string>;
  for (const one of named) {
    const [service, url] = [one.slice(0, one.indexOf('=')), one.slice(one.indexOf('=') + 1)];
    if (!SERVICES.includes(service as ServiceName)) throw new Error(`--at takes ${SERVICES.join(', ')}, as in --at orders=http://127.0.0.1:8082`);
    urls[service as ServiceName] = url.replace(/\/$/, '');
  }
  return urls;
}
