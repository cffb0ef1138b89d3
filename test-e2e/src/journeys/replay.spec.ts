import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { SERVICES } from '../platform/platform.js';
import { ODD_CASES, gzipped } from '../replay/odd-cases.fixture.js';
import { journey } from './journey.js';

const HOUR = 3_600_000;
const MINUTE = 60_000;
const PROGRAM = fileURLToPath(new URL('../../dist/replay/main.js', import.meta.url));

/** The same invoices, a minute apart and all of the last twenty hours: no message about them would be too old, so that they are history alone keeps them silent. */
function recent(text: string): string {
  const times = [...new Set(text.match(/20\d\d-\d\d-\d\d \d\d:\d\d:\d\d/g))].sort();
  const london = new Intl.DateTimeFormat('sv-SE', { timeZone: 'Europe/London', dateStyle: 'short', timeStyle: 'medium' });
  return times.reduce((changed, time, index) => changed.replaceAll(time, `@${london.format(Date.now() - 20 * HOUR + index * MINUTE)}`), text).replaceAll('@', '');
}

journey('history is replayed in silence, and the same platform mails and alarms for what happens now', async ({ platform }) => {
  const folder = mkdtempSync(join(tmpdir(), 'yunke-replay-'));
  const [file, json] = [gzipped(recent(ODD_CASES), folder), join(folder, 'measured.json')];
  const at = SERVICES.flatMap((service) => ['--at', `${service}=${platform.process(service).url}`]);

  const replay = spawn(process.execPath, [PROGRAM, file, '--check', '--json', json, '--token', platform.credentials.apiToken, ...at], { stdio: ['ignore', 'pipe', 'pipe'] });
  let told = '';
  for (const stream of [replay.stdout, replay.stderr]) stream.setEncoding('utf8').on('data', (text: string) => (told += text));
  const code = await new Promise<number | null>((resolve) => replay.once('exit', resolve));

  expect({ code, told }).toMatchObject({ code: 0 });
  expect(JSON.parse(readFileSync(json, 'utf8'))).toMatchObject({
    orders: 7, returns: 3, customers: 5, differing: 0, differences: 0, quarantined: 0,
    fromHistory: { orders: 6, negativeLevels: expect.any(Number), memberships: expect.any(Number), intents: 0, mails: 0, alerts: 0 }, live: { orderMails: 1, alerts: 1, staffMails: 1 },
  });
  rmSync(folder, { recursive: true });
}, 180_000);
