import { existsSync, writeFileSync } from 'node:fs';

import { campaign } from './campaign.js';
import { orUsage } from '../platform/or-usage.js';
import { measured, told } from './report.js';
import { readSettings, USAGE, type Settings } from './settings.js';
import { setStage } from './stage.js';

const startedAt = performance.now();
const note = (text: string): void => console.error(`${((performance.now() - startedAt) / 1_000).toFixed(0).padStart(4)} s  ${text}`);

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130)); // whatever was started ends with us

async function bench(settings: Settings): Promise<void> {
  const stage = await setStage({ note, ...(settings.profile && { profile: settings.profile }) });
  try {
    for (const { name, child } of stage.platform.processes) note(`${name} is process ${child.pid}`);
    const result = await campaign(stage, settings, note);
    console.log(told(result));
    if (settings.json) writeFileSync(settings.json, `${JSON.stringify(measured(result), null, 2)}\n`);
  } finally {
    note('stopping');
    await stage.stop();
  }
}

const settings = orUsage(() => {
  if (!existsSync('/proc/self/stat')) throw new Error('This host has no /proc to read CPU from.');
  return readSettings(process.argv.slice(2));
}, USAGE);
try {
  await bench(settings);
  process.exit(0);
} catch (error) {
  console.error(error);
  process.exit(1);
}
