import { setTimeout as pause } from 'node:timers/promises';

import { usageBetween } from './meter.js';
import type { Stage } from './stage.js';

const LOOK_MS = 2_000;
const LOOKS = 10;
/** Of Postgres' own processes within a look: what its launcher and its writers take when there is nothing to do. */
const QUIET_MICROS = 40_000;

/**
 * Does something while the platform stands still, once Postgres has cleaned up after it or twenty seconds have passed: services that
 * look for work, and the autovacuum of what they wrote, would take from the time of what is measured beside them. For seconds only:
 * a consumer that is silent for ten has to join its group anew.
 */
export async function alone({ platform, meter }: Stage, work: () => Promise<void>): Promise<void> {
  for (let look = 0; look < LOOKS; look += 1) {
    const before = meter.read();
    await pause(LOOK_MS);
    if (usageBetween(before, meter.read()).micros['postgres rest']! < QUIET_MICROS) break;
  }
  try {
    for (const one of platform.processes) await one.kill('SIGSTOP');
    await work();
  } finally {
    for (const one of platform.processes) await one.kill('SIGCONT');
  }
}
