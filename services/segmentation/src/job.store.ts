import { Problem } from '@yunke/kernel';
import type { Db, Tx } from '@yunke/postgres';

/** Long work over all profiles, by id, in pages. */
export type Job = { readonly id: string; readonly kind: string; readonly state: 'running' | 'done' | 'failed'; readonly afterProfile: string; readonly done: number; readonly total: number; readonly startedAt: string; readonly endedAt: string | null };

const columns = `id, kind, state, after_profile as "afterProfile", done::float8 as done, total::float8 as total, started_at as "startedAt", ended_at as "endedAt"`;

/** @throws job.running (conflict) while one of this kind is not done */
export async function startJob(db: Db, kind: string): Promise<Job> {
  const [row] = await db.query<Job>(`insert into jobs (kind, total) select $1, count(*) from standings on conflict do nothing returning ${columns}`, [kind]);
  if (!row) throw new Problem('conflict', 'job.running', 'Such a job is running already.');
  return row;
}

export async function findJob(db: Db, id: string): Promise<Job | undefined> {
  const [row] = await db.query<Job>(`select ${columns} from jobs where id::text = $1`, [id]);
  return row;
}

export const runningJobs = (db: Db): Promise<Job[]> => db.query<Job>(`select ${columns} from jobs where state = 'running' order by started_at`);

export async function progress(tx: Tx | Db, id: string, page: number, afterProfile: string): Promise<void> {
  await tx.query('update jobs set done = done + $2, after_profile = $3 where id = $1', [id, page, afterProfile]);
}

export async function endJob(db: Db, id: string, state: 'done' | 'failed'): Promise<void> {
  await db.query('update jobs set state = $2, ended_at = clock_timestamp() where id = $1', [id, state]);
}
