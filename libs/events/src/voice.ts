import type { Db } from '@yunke/postgres';

import type { WrittenRow } from './outbox.js';

/** What a service needs to know to say something: who it is, and how this installation lays out its topics. */
export type Voice = {
  readonly service: string;
  /** The secret behind the keys on topics. */
  readonly secret: string;
  readonly partitions: number;
  /** The identity of the service's database and its timeline; a reader that meets another one stops. */
  readonly epoch: string;
  /** These rows were committed to the outbox. */
  said(rows: readonly WrittenRow[]): void;
};

const voices = new WeakMap<Db, Voice>();

/** Gives a database its voice; from then on `say` works in its transactions. */
export function giveVoice(db: Db, voice: Voice): void {
  voices.set(db, voice);
}

export function voiceOf(db: Db): Voice {
  const voice = voices.get(db);
  if (!voice) throw new Error('This database has no voice: it was not opened by run.');
  return voice;
}

/**
 * The number of partitions this database was first started with, and its epoch.
 * @throws Error when the installation now asks for another number: a key would change its partition.
 */
export async function settle(db: Db, partitions: number): Promise<{ epoch: string }> {
  await db.query('insert into installation (partitions) values ($1) on conflict do nothing', [partitions]);
  const [row] = await db.query<{ partitions: number; epoch: string; timeline: string }>(
    `select partitions, epoch::text, case when pg_is_in_recovery() then '' else left(pg_walfile_name(pg_current_wal_lsn()), 8) end as timeline from installation`);
  if (row!.partitions !== partitions) throw new Error(`This database was started with ${row!.partitions} partitions; it cannot run with ${partitions}.`);
  return { epoch: `${row!.epoch}.${row!.timeline}` };
}
