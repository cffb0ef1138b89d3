import { writeFileSync } from 'node:fs';

import { orUsage } from '../platform/or-usage.js';
import { check } from './check.js';
import { OwnPlatform, type Shape } from './own-platform.js';
import { PlatformApi } from './platform-api.js';
import { Progress } from './progress.js';
import { measured, told } from './report.js';
import { sendFile } from './sending.js';
import { USAGE, readSettings, type Settings } from './settings.js';

/** Sends the file and, if asked, checks it. Returns the exit code: 1 when something was refused or differs. */
async function replay(settings: Settings, own: OwnPlatform | undefined): Promise<number> {
  let progress: Progress | undefined;
  const api = new PlatformApi(settings, (why) => progress?.troubled(why));
  const halfWay = (): void => void (settings.kill && own?.killAll());
  try {
    const sent = await sendFile(settings.file, { api, source: settings.source, startProgress: (lines) => (progress = new Progress(lines, halfWay)) });
    await own?.restarted();
    const checked = settings.check ? await check(settings, sent.tally, { api, note: (text) => progress?.note(text) }) : undefined;
    progress?.end();
    progress = undefined;
    console.log(told(sent, checked));
    if (own?.kills) console.log(`The platform and its database were killed ${own.kills} time half-way.`);
    if (settings.json !== undefined) writeFileSync(settings.json, `${JSON.stringify({ ...measured(sent, checked), ...(own && { platform: settings.platform, kills: own.kills }) }, null, 2)}\n`);
    return sent.quarantined > 0 || (checked?.differences.length ?? 0) > 0 || (settings.kill && !own?.kills) ? 1 : 0;
  } finally {
    progress?.end();
  }
}

async function onOwnPlatform(settings: Settings, shape: Shape): Promise<number> {
  const own = await OwnPlatform.start(shape);
  try {
    return await replay({ ...settings, ...own.reached }, own);
  } finally {
    await own.stop();
  }
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1)); // what was started ends with us
const settings = orUsage(() => readSettings(process.argv.slice(2), process.env), USAGE);
try {
  process.exitCode = await (settings.platform ? onOwnPlatform(settings, settings.platform) : replay(settings, undefined));
} catch (error) {
  console.error((error as Error).message);
  process.exitCode = 1;
}
