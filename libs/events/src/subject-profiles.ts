import { byKey, columnsOf, sorted, type Tx } from '@yunke/postgres';

/** Where a subject belongs, by the largest decision heard of it. */
export type Belonging = { readonly subject: string; readonly profileId: string | null; readonly decision: number };

const columns = 'subject, profile_id as "profileId", decision::float8 as decision';

/**
 * The subjects' rows, made where they were missing, then locked, both in key order: until the transaction ends none of them moves.
 * Lock subjects first, then whatever hangs on their profiles.
 */
export async function lockSubjects(tx: Tx, subjects: Iterable<string>): Promise<Map<string, Belonging>> {
  const wanted = sorted(subjects);
  if (wanted.length === 0) return new Map();
  // Nearly all are known: to look is cheaper than to insert in vain.
  const known = new Set((await tx.query<{ subject: string }>('select subject from subject_profile where subject = any($1)', [wanted])).map(({ subject }) => subject));
  if (known.size < wanted.length) await tx.query('insert into subject_profile (subject) select unnest($1::text[]) on conflict do nothing', [wanted.filter((subject) => !known.has(subject))]);
  return byKey(await tx.query<Belonging>(`select ${columns} from subject_profile where subject = any($1) order by subject for update`, [wanted]), ({ subject }) => subject);
}

/** All subjects of these profiles. Call it with the profiles locked: who moves a subject locks both its profiles. */
export async function membersOf(tx: Tx, profileIds: Iterable<string>): Promise<Map<string, string[]>> {
  const wanted = sorted(profileIds);
  const members = new Map<string, string[]>(wanted.map((id) => [id, []]));
  if (wanted.length === 0) return members;
  const rows = await tx.query<{ subject: string; profileId: string }>('select subject, profile_id as "profileId" from subject_profile where profile_id = any($1) order by subject', [wanted]);
  for (const { subject, profileId } of rows) members.get(profileId)!.push(subject);
  return members;
}

/** Moves subjects to the profiles that a larger decision gave them. */
export async function moveSubjects(tx: Tx, moves: readonly Belonging[]): Promise<void> {
  if (moves.length === 0) return;
  const rows = [...moves].sort((a, b) => (a.subject < b.subject ? -1 : 1));
  await tx.query(
    `update subject_profile s set profile_id = new.profile_id, decision = new.decision
     from unnest($1::text[], $2::text[], $3::bigint[]) as new (subject, profile_id, decision) where s.subject = new.subject`,
    columnsOf(rows, 'subject', 'profileId', 'decision'));
}
