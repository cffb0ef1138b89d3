import { writeFileSync } from 'node:fs';

import { check } from './check.js';
import { PlatformApi } from './platform-api.js';
import { Progress } from './progress.js';
import { measured, told } from './report.js';
import { sendFile } from './sending.js';
import { USAGE, readSettings, type Settings } from './settings.js';

/** Sends the file and, if asked, checks it. Returns the exit code: 1 when something was refused or differs. */
async function replay(settings: Settings): Promise<number> {
  let progress: Progress | undefined;
  const api = new PlatformApi(settings, (why) => progress?.troubled(why));
  try {
    const sent = await sendFile(settings.file, { api, source: settings.source, startProgress: (lines) => (progress = new Progress(lines)) });
    const checked = settings.check ? await check(settings, sent.tally, { api, note: (text) => progress?.note(text) }) : undefined;
    progress?.end();
    progress = undefined;
    console.log(told(sent, checked));
    if (settings.json !== undefined) writeFileSync(settings.json, `${JSON.stringify(measured(sent, checked), null, 2)}\n`);
    return sent.quarantined > 0 || (checked?.differences.length ?? 0) > 0 ? 1 : 0;
  } finally {
    progress?.end();
  }
}

function settingsOrUsage(): Settings | undefined {
  try {
    return readSettings(process.argv.slice(2), process.env);
  } catch (error) {
    console.error(`${(error as Error).message}\n\n${USAGE}`);
    return undefined;
  }
}

const settings = settingsOrUsage();
process.exitCode = 2;
if (settings) {
  try {
    process.exitCode = await replay(settings);
  } catch (error) {
    console.error((error as Error).message);
    process.exitCode = 1;
  }
}
