import '@yunke/service/telemetry';

import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { run } from '@yunke/service';

import { playDemo } from './demo/demo.js';
import { readyBlock } from './ready.js';
import { servicesOf } from './services.js';

const demo = process.argv.includes('--demo');
if (demo) process.env['YUNKE_DATA'] ??= join('.yunke', 'demo'); // a shop that was never there stays apart from real customers
const daysPerSecond = Number(process.argv.find((argument) => argument.startsWith('--speed='))?.slice('--speed='.length) ?? 0);
const clockFile = join(process.env['YUNKE_DATA'] ?? '.yunke', 'demo-clock');
if (demo && daysPerSecond > 0) {
  mkdirSync(process.env['YUNKE_DATA']!, { recursive: true, mode: 0o700 });
  if (!existsSync(clockFile)) writeFileSync(clockFile, '0');
  process.env['YUNKE_CLOCK'] = clockFile;
}

const running = await run(await servicesOf('all'), { ownCredentials: true });
console.log(readyBlock(running));
if (demo) await playDemo(running, { daysPerSecond, clockFile });
