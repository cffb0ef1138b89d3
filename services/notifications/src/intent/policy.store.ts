import type { Db, Tx } from '@yunke/postgres';

import { SHIPPED_POLICY, type Policy } from './policy.js';

/** The policy in force: the last that somebody set, else the one that ships. */
export async function policyInForce(db: Db | Tx): Promise<Policy> {
  const [row] = await db.query<Policy>('select version, caps, quiet_hours as "quietHours" from policies order by version desc limit 1');
  return row ?? SHIPPED_POLICY;
}

/** Puts a policy in force for whatever is decided from now on. */
export async function save(tx: Tx, { caps, quietHours }: Omit<Policy, 'version'>): Promise<Policy> {
  await tx.query(`select pg_advisory_xact_lock(hashtext('notifications policy'))`);
  const [row] = await tx.query<Policy>(
    `insert into policies (version, caps, quiet_hours, created_at) select coalesce(max(version), $3) + 1, $1, $2, clock_timestamp() from policies returning version, caps, quiet_hours as "quietHours"`,
    [JSON.stringify(caps), quietHours === null ? null : JSON.stringify(quietHours), SHIPPED_POLICY.version]);
  return row!;
}
