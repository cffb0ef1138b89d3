import { Problem } from '@yunke/kernel';

/**
 * A row that does not exist cannot be locked: two transactions may both find it missing. Insert such rows with
 * `on conflict do nothing returning …` and call this with what came back: who lost the race tries the whole chunk again.
 * @throws row.raced (unavailable)
 */
export function requireInserted(returned: readonly unknown[], expected: number): void {
  if (returned.length !== expected) throw new Problem('unavailable', 'row.raced', 'Another transaction made the same row first.');
}
