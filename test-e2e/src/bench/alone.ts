import { setTimeout as pause } from 'node:timers/promises';

import type { Stage } from './stage.js';

/**
 * Does something while the platform stands still and nobody cleans up after it: services that look for work, and the
 * autovacuum of what they wrote, would take from the time of whatever is measured beside them. For a few seconds at most:
 * consumers that are silent for ten lose their place in the group.
 */
export async function alone({ platform, flow }: Stage, work: () => Promise<void>): Promise<void> {
  const server = flow.database('ingestion');
  await server.query('alter system set autovacuum = off');
  await server.query('select pg_reload_conf()');
  try {
    while ((await server.query(`select from pg_stat_activity where backend_type = 'autovacuum worker'`)).rows.length > 0) await pause(100);
    for (const one of platform.processes) await one.kill('SIGSTOP');
    await work();
  } finally {
    for (const one of platform.processes) await one.kill('SIGCONT');
    await server.query('alter system reset autovacuum');
    await server.query('select pg_reload_conf()');
  }
}
