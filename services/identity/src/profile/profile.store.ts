import { compareText } from '@yunke/kernel';
import { byKey, columnsOf, requireInserted, sorted, type Db, type Tx } from '@yunke/postgres';

import type { Happening, Why } from '../partition/partition.js';
import { fold, pack, unpack, type Golden, type Packed, type Registers } from './golden.js';
import type { Profile } from './profile.js';
import type { Member } from './settle.js';

const columns = `profile_id as "profileId", version::float8 as version, decision::float8 as decision, subjects, first_seen_at::float8 as "firstSeenAt",
  stale, accepted_at::float8 as "acceptedAt", reason`;

/** The profiles of these ids that exist, locked in key order. Lock their subjects first. */
export async function lockMany(tx: Tx, ids: Iterable<string>): Promise<Map<string, Profile>> {
  const wanted = sorted(ids);
  if (wanted.length === 0) return new Map();
  return byKey(await tx.query<Profile>(`select ${columns} from profiles where profile_id = any($1) order by profile_id for update`, [wanted]), ({ profileId }) => profileId);
}

/** Saves profiles; one of version 1 is new. @throws row.raced when another transaction made it first. */
export async function saveMany(tx: Tx, profiles: readonly Profile[]): Promise<void> {
  const [added, changed] = [profiles.filter(({ version }) => version === 1), profiles.filter(({ version }) => version > 1)];
  if (added.length > 0) requireInserted(await tx.query(
    `insert into profiles (profile_id, version, decision, subjects, first_seen_at, stale, accepted_at, reason) ${UNNEST} on conflict do nothing returning 1`, valuesOf(added)), added.length);
  if (changed.length > 0) await tx.query(
    `update profiles p set version = new.version, decision = new.decision, subjects = new.subjects, first_seen_at = new.first_seen_at, stale = new.stale,
       accepted_at = new.accepted_at, reason = new.reason
     from (${UNNEST}) as new where p.profile_id = new.profile_id`, valuesOf(changed));
}

/** A parameter that is an array of arrays must be rectangular: the subjects go as one text, apart by tabs, which no subject holds. */
const UNNEST = `select profile_id, version, decision, string_to_array(subjects, E'\\t') as subjects, first_seen_at, stale, accepted_at, reason
  from unnest($1::text[], $2::bigint[], $3::bigint[], $4::text[], $5::bigint[], $6::boolean[], $7::bigint[], $8::text[])
    as new (profile_id, version, decision, subjects, first_seen_at, stale, accepted_at, reason)`;

const valuesOf = (profiles: readonly Profile[]): unknown[][] =>
  columnsOf([...profiles].sort((a, b) => compareText(a.profileId, b.profileId)).map((one) => ({ ...one, subjects: one.subjects.join('\t') })), 'profileId', 'version', 'decision', 'subjects', 'firstSeenAt', 'stale', 'acceptedAt', 'reason');

/** The subjects, locked in key order: until the transaction ends none of them moves. */
export async function lockMembers(tx: Tx, subjects: Iterable<string>): Promise<Map<string, Member>> {
  const wanted = sorted(subjects);
  if (wanted.length === 0) return new Map();
  const rows = await tx.query<Member>(
    `select subject, profile_id as "profileId", accepted_at::float8 as "acceptedAt", first_seen_at::float8 as "firstSeenAt" from subjects where subject = any($1) order by subject for update`, [wanted]);
  return byKey(rows, ({ subject }) => subject);
}

export async function saveMembers(tx: Tx, members: readonly Member[]): Promise<void> {
  if (members.length === 0) return;
  await tx.query(
    `update subjects s set profile_id = new.profile_id, accepted_at = new.accepted_at, first_seen_at = new.first_seen_at
     from unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[]) as new (subject, profile_id, accepted_at, first_seen_at) where s.subject = new.subject`,
    columnsOf(members, 'subject', 'profileId', 'acceptedAt', 'firstSeenAt'));
}

/** The registers of these subjects. Those of a profile's members change only under the profile's lock. */
export async function findRegisters(tx: Db | Tx, subjects: readonly string[]): Promise<Map<string, Registers>> {
  if (subjects.length === 0) return new Map();
  const rows = await tx.query<{ subject: string; registers: Packed }>('select subject, registers from golden where subject = any($1)', [subjects]);
  return new Map(rows.map(({ subject, registers }) => [subject, unpack(registers)]));
}

export async function saveRegisters(tx: Tx, registers: ReadonlyMap<string, Registers>): Promise<void> {
  if (registers.size === 0) return;
  const rows = [...registers].sort(([a], [b]) => compareText(a, b));
  // One text, a line a row: JSON has no line breaks, and an array of JSON texts costs ten times as much to quote.
  await tx.query(
    `insert into golden (subject, registers) select subject, registers::json from unnest($1::text[], string_to_array($2, E'\\n')) as new (subject, registers)
     on conflict (subject) do update set registers = excluded.registers`,
    [rows.map(([subject]) => subject), rows.map(([, all]) => JSON.stringify(pack(all))).join('\n')]);
}

/** The golden records of these profiles. */
export async function goldenOf(db: Db | Tx, profiles: readonly Profile[]): Promise<Map<string, Golden[]>> {
  const registers = await findRegisters(db, profiles.flatMap(({ subjects }) => subjects));
  return new Map(profiles.map(({ profileId, subjects }) => [profileId, fold(subjects.map((subject) => registers.get(subject) ?? {}))]));
}

/** Writes down merges and splits, under every profile that they are about. */
export async function note(tx: Tx, happenings: readonly Happening[], decision: number): Promise<void> {
  const rows = happenings.flatMap(({ kind, profileId, ids, why, cause }) => {
    if (kind === 'created') return [];
    const counterpart = kind === 'merged' ? 'merged-away' : 'split-off';
    const row = (id: string, its: string, others: readonly string[]) => ({ id, kind: its, reason: { ...why, profiles: others, cause: cause.id }, at: cause.acceptedAt });
    return [row(profileId, kind, ids), ...ids.map((id) => row(id, counterpart, [profileId]))];
  });
  if (rows.length === 0) return;
  await tx.query(
    `insert into journal (profile_id, decision, kind, reason, at) select id, $5, kind, reason, at from unnest($1::text[], $2::text[], $3::json[], $4::bigint[]) as new (id, kind, reason, at)
     on conflict do nothing`, [...columnsOf(rows, 'id', 'kind', 'reason', 'at'), decision]);
}

/** The profile that holds the subject of this id now: any id ever shown leads somewhere. */
export async function find(db: Db | Tx, id: string): Promise<Profile | undefined> {
  return (await db.query<Profile>(`select ${columns} from profiles where profile_id = (select profile_id from subjects where id = $1)`, [id]))[0];
}

/** The profile that holds a subject now, or none. */
export function findBySubject(db: Db | Tx, subject: string): Promise<Profile[]> {
  return db.query<Profile>(`select ${columns} from profiles where profile_id = (select profile_id from subjects where subject = $1)`, [subject]);
}

/** These records as they are, merged away or not. */
export async function records(db: Db | Tx, profileIds: readonly string[]): Promise<Profile[]> {
  return db.query<Profile>(`select ${columns} from profiles where profile_id = any($1) order by profile_id`, [profileIds]);
}

export type Place = { readonly firstSeenAt: number; readonly profileId: string };

/** A page of profiles, the latest first. */
export async function list(db: Db, limit: number, after?: Place): Promise<Profile[]> {
  return db.query<Profile>(
    `select ${columns} from profiles where subjects <> '{}' and ($2::bigint is null or (first_seen_at, profile_id) < ($2, $3)) order by profiles.first_seen_at desc, profiles.profile_id desc limit $1`,
    [limit, after?.firstSeenAt ?? null, after?.profileId ?? '']);
}

/** The profiles that hold a carrier of an identifier, whoever has it by right first: the verified, then the earliest. */
export async function lookUp(db: Db, identifier: { type: string; value: string; own: string | undefined }, limit: number): Promise<Profile[]> {
  return db.query<Profile>(
    `select ${columns} from profiles join (
       select s.profile_id as id, min(rank) as rank from (
         select e.subject, row_number() over (order by e.verified desc, e.occurred_at, e.accepted_at, e.subject) as rank
         from (select * from evidence where identifier_hash(type, value) = identifier_hash($1, $2) and type = $1 and value = $2 limit 5000) e
         where not exists (
           select from decisions d where d.kind = 'revoke' and d.withdrawn_at is null and d.type = e.type and d.value = e.value and d.subjects = array[e.subject])
         union all select $3, 0) c join subjects s using (subject) group by 1) found on found.id = profile_id
     order by found.rank, profile_id limit $4`, [identifier.type, identifier.value, identifier.own ?? '', limit]);
}

export type Entry = { readonly profileId: string; readonly decision: number; readonly kind: 'merged' | 'merged-away' | 'split' | 'split-off'; readonly reason: Why & { profiles: string[]; cause: string }; readonly at: number };

/** A page of what happened to profiles, the latest first. */
export async function listJournal(db: Db, { ids, limit, after }: { ids: readonly string[]; limit: number; after?: { readonly decision: number; readonly profileId: string; readonly kind: string } }): Promise<Entry[]> {
  return db.query<Entry>(
    `select profile_id as "profileId", decision::float8 as decision, kind, reason, at::float8 as at from journal
     where profile_id = any($1) and ($3::bigint is null or (decision, profile_id, kind) < ($3, $4, $5)) order by journal.decision desc, journal.profile_id desc, journal.kind desc limit $2`,
    [ids, limit, after?.decision ?? null, after?.profileId ?? '', after?.kind ?? '']);
}
