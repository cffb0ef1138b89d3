import { byKey, columnsOf, packed, packedColumn, requireInserted, sorted, type Db, type Tx } from '@yunke/postgres';
import type { Millis } from '@yunke/kernel';

import type { Entry } from './history.js';
import type { Held, ProofLeaf } from './segment.js';
import { unknownProfile, type Change, type Profile } from './standing.js';

type StandingRow = {
  profile_id: string; seq: number; version: number; rule_version: number; first_seen_at: number | null; profile_version: number;
  evaluated_at: number; next_at: number | null; timer_at: number | null; memberships: Held[];
};

const NUMBERS = ['seq', 'version', 'rule_version', 'first_seen_at', 'profile_version', 'evaluated_at', 'next_at', 'timer_at'] as const;
const PLAIN = ['profile_id', ...NUMBERS] as const;
const COLUMNS = [...PLAIN, 'memberships'] as const;
const SELECTED = `profile_id, ${NUMBERS.map((name) => `${name}::float8 as ${name}`).join(', ')}, memberships`;
const UNNEST = `unnest($1::text[], ${NUMBERS.map((_, index) => `$${index + 2}::bigint[]`).join(', ')}, ${packed('$10', 'json')})`;
const parameters = (rows: readonly Record<(typeof COLUMNS)[number], unknown>[]): unknown[] => [...columnsOf(rows, ...PLAIN), packedColumn(rows, 'memberships')];

export type Locked = { readonly profiles: Map<string, Profile>; readonly isNew: ReadonlySet<string> };

/** The standings of these profiles; those that exist are locked, in key order. Lock the subjects first. */
export async function lockMany(tx: Tx, ids: Iterable<string>): Promise<Locked> {
  const wanted = sorted(ids);
  const rows = wanted.length === 0 ? [] : await tx.query<StandingRow>(`select ${SELECTED} from standings where profile_id = any($1) order by profile_id for update`, [wanted]);
  const found = byKey(rows.map(profileOf), ({ id }) => id);
  return { profiles: new Map(wanted.map((id) => [id, found.get(id) ?? unknownProfile(id)])), isNew: new Set(wanted.filter((id) => !found.has(id))) };
}

/** @throws row.raced when another transaction made one of the new ones first */
export async function saveMany(tx: Tx, { isNew }: Locked, profiles: readonly Profile[]): Promise<void> {
  const rows = profiles.map(rowOf).sort((a, b) => (a.profile_id < b.profile_id ? -1 : 1));
  const [added, changed] = [rows.filter((row) => isNew.has(row.profile_id)), rows.filter((row) => !isNew.has(row.profile_id))];
  if (added.length > 0) requireInserted(await tx.query(`insert into standings (${COLUMNS.join(', ')}) select * from ${UNNEST} on conflict (profile_id) do nothing returning 1`, parameters(added)), added.length);
  if (changed.length > 0) {
    await tx.query(`update standings set ${COLUMNS.slice(1).map((name) => `${name} = new.${name}`).join(', ')} from ${UNNEST} as new (${COLUMNS.join(', ')}) where standings.profile_id = new.profile_id`, parameters(changed));
  }
}

export async function entriesOf(tx: Tx | Db, subjects: readonly string[]): Promise<Map<string, Entry[]>> {
  if (subjects.length === 0) return new Map();
  const rows = await tx.query<{ subject: string; entries: Entry[] }>('select subject, entries from subject_histories where subject = any($1)', [subjects]);
  return new Map(rows.map(({ subject, entries }) => [subject, entries]));
}

/** Call it with the subjects locked. */
export async function saveEntries(tx: Tx, histories: ReadonlyMap<string, readonly Entry[]>): Promise<void> {
  if (histories.size === 0) return;
  const rows = [...histories].map(([subject, entries]) => ({ subject, entries })).sort((a, b) => (a.subject < b.subject ? -1 : 1));
  await tx.query(`insert into subject_histories (subject, entries) select * from unnest($1::text[], ${packed('$2', 'json')}) on conflict (subject) do update set entries = excluded.entries`, [...columnsOf(rows, 'subject'), packedColumn(rows, 'entries')]);
}

/** Brings the list of memberships in line: who left goes, who entered comes with the proof, a moved `since` is put right. */
export async function saveMemberships(tx: Tx, moves: readonly { profile: Profile; was: readonly Held[]; changes: readonly Change[] }[]): Promise<void> {
  const rows = moves.flatMap(({ profile, was, changes }) => membershipRows(profile, was, changes)).sort((a, b) => (a.segment < b.segment ? -1 : a.segment > b.segment ? 1 : a.profileId < b.profileId ? -1 : 1));
  const gone = moves.flatMap(({ profile, was }) => was.filter((held) => !profile.standing.memberships.some(({ segment }) => segment === held.segment)).map(({ segment }) => ({ segment, profileId: profile.id })));
  if (gone.length > 0) await tx.query('delete from memberships m using unnest($1::text[], $2::text[]) as gone (segment, profile_id) where m.segment = gone.segment and m.profile_id = gone.profile_id', columnsOf(gone, 'segment', 'profileId'));
  if (rows.length === 0) return;
  await tx.query(
    `insert into memberships (segment, profile_id, since, seq, effective_at, reason, cause, rule_version, proof)
     select * from unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[], $5::bigint[], $6::text[], $7::text[], $8::bigint[], ${packed('$9', 'json')})
     on conflict (segment, profile_id) do update set since = excluded.since, seq = coalesce(nullif(excluded.seq, 0), memberships.seq),
       effective_at = case when excluded.seq = 0 then memberships.effective_at else excluded.effective_at end,
       reason = case when excluded.seq = 0 then memberships.reason else excluded.reason end, cause = case when excluded.seq = 0 then memberships.cause else excluded.cause end,
       rule_version = case when excluded.seq = 0 then memberships.rule_version else excluded.rule_version end, proof = case when excluded.seq = 0 then memberships.proof else excluded.proof end`,
    [...columnsOf(rows, 'segment', 'profileId', 'since', 'seq', 'effectiveAt', 'reason', 'cause', 'ruleVersion'), packedColumn(rows, 'proof')]);
}

type MembershipRow = { segment: string; profileId: string; since: Millis; seq: number; effectiveAt: Millis; reason: string; cause: string; ruleVersion: number; proof: string };

/** Rows for what holds now and was entered or moved; seq 0: only `since` moved, the story of how it was entered stays. */
function membershipRows(profile: Profile, was: readonly Held[], changes: readonly Change[]): MembershipRow[] {
  return profile.standing.memberships.flatMap(({ segment, since }): MembershipRow[] => {
    const entered = changes.findLast((change) => change.entered && change.segment === segment);
    if (entered) {
      const { seq, effectiveAt, reason, cause, ruleVersion, proof } = entered.body;
      return [{ segment, profileId: profile.id, since, seq: Number(seq), effectiveAt: Date.parse(effectiveAt), reason, cause, ruleVersion: Number(ruleVersion), proof: JSON.stringify(proof) }];
    }
    const held = was.find((one) => one.segment === segment);
    return held && held.since !== since ? [{ segment, profileId: profile.id, since, seq: 0, effectiveAt: 0, reason: '', cause: '', ruleVersion: 0, proof: '[]' }] : [];
  });
}

function profileOf(row: StandingRow): Profile {
  return {
    id: row.profile_id, seq: row.seq, version: row.version, ruleVersion: row.rule_version, evaluatedAt: row.evaluated_at, standing: { memberships: row.memberships, nextAt: row.next_at ?? undefined },
    profileVersion: row.profile_version, firstSeenAt: row.first_seen_at ?? undefined, timerAt: row.timer_at ?? undefined,
  };
}

function rowOf(profile: Profile): Record<(typeof COLUMNS)[number], unknown> & { profile_id: string } {
  return {
    profile_id: profile.id, seq: profile.seq, version: profile.version, rule_version: profile.ruleVersion, first_seen_at: profile.firstSeenAt, profile_version: profile.profileVersion,
    evaluated_at: profile.evaluatedAt, next_at: profile.standing.nextAt, timer_at: profile.timerAt, memberships: profile.standing.memberships,
  };
}

export type StoredMembership = { readonly segment: string; readonly profileId: string; readonly since: Millis; readonly effectiveAt: Millis; readonly reason: string; readonly cause: string; readonly ruleVersion: number; readonly proof: readonly ProofLeaf[] };

const membershipColumns = `segment, profile_id as "profileId", since::float8 as since, effective_at::float8 as "effectiveAt", reason, cause, rule_version::float8 as "ruleVersion", proof`;

/** The standing names the segments, so the list is found by its key and needs no index by profile. */
export const membershipsOf = (db: Db, profileId: string): Promise<StoredMembership[]> =>
  db.query(
    `select ${membershipColumns} from memberships where profile_id = $1
       and segment = any (select held ->> 'segment' from standings, json_array_elements(memberships) as held where profile_id = $1) order by segment`, [profileId]);

/** Members of a segment by profile id, after `after`. */
export const listMembers = (db: Db, segment: string, limit: number, after: string): Promise<StoredMembership[]> =>
  db.query(`select ${membershipColumns} from memberships where segment = $1 and profile_id > $3 order by profile_id limit $2`, [segment, limit, after]);

export const countMembers = (db: Db): Promise<{ segment: string; members: number }[]> => db.query('select segment, count(*)::int as members from memberships group by segment');

export async function find(db: Db, id: string): Promise<Profile | undefined> {
  const [row] = await db.query<StandingRow>(`select ${SELECTED} from standings where profile_id = $1`, [id]);
  return row && profileOf(row);
}

/** Profiles by id, after `after`. */
export async function list(db: Db | Tx, limit: number, after: string): Promise<Profile[]> {
  return (await db.query<StandingRow>(`select ${SELECTED} from standings where profile_id > $2 order by profile_id limit $1`, [limit, after])).map(profileOf);
}
