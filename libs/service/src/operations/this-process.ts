import { readFileSync } from 'node:fs';

import type { RunningService } from '../service.js';

/** The version of the platform: every package has the same. */
const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { version: string };

/** The services that are to run here, those that do, and whether we are about to stop: then the load balancer should look elsewhere. */
export class ThisProcess {
  readonly services: RunningService[] = [];
  readonly version = version;
  stopping = false;

  constructor(readonly expected: readonly string[]) {}
}
