import { columnsOf, type Tx } from '@yunke/postgres';

import { addsTo, type Registers } from '../profile/golden.js';
import { findRegisters } from '../profile/profile.store.js';
import { ownIdentifier, subjectKind } from '../resolve/identifier.js';
import { mergeEvidence, type Evidence } from '../resolve/resolve.component.js';
import { touchesGraph, type Carried, type News, type Told } from './observation.js';

/**
 * What of this was not known: nothing for most of what is heard. Nothing known ever becomes unknown, so what is no news here is
 * none later; but what is news may have been brought by another partition in the meantime.
 */
export async function newsIn(tx: Tx, all: readonly Told[]): Promise<News[]> {
  const seen = await seenBefore(tx, all);
  const known = all.filter((told) => seen.get(told) !== 'never');
  const carried = await carriedBefore(tx, known);
  const registers = await registersBefore(tx, known);
  return all.flatMap((told): News[] => {
    const before = seen.get(told);
    const isNew = before === 'never';
    const { evidence, added } = isNew ? { evidence: told.evidence, added: told.evidence } : carried.get(told) ?? NONE;
    const news: News = {
      told, isNew, evidence, added,
      isOlder: typeof before === 'object' && told.acceptedAt < before.acceptedAt,
      isSooner: typeof before === 'object' && told.firstSeenAt < before.firstSeenAt,
      fillsMore: told.fields !== undefined && addsTo(registers.get(told.subject) ?? {}, told.fields.registers),
    };
    return touchesGraph(news) || news.isSooner || news.fillsMore ? [news] : [];
  });
}

const NONE = { evidence: [], added: [] };

/** Only of those that were never seen, or not so early: a lateral join looks each up by its key, whatever the planner thinks of the table. */
async function seenBefore(tx: Tx, all: readonly Told[]): Promise<Map<Told, 'never' | { acceptedAt: number; firstSeenAt: number }>> {
  const rows = await tx.query<{ n: number; acceptedAt: number | null; firstSeenAt: number }>(
    `select told.n::int as n, known.accepted_at::float8 as "acceptedAt", known.first_seen_at::float8 as "firstSeenAt"
     from unnest($1::text[], $2::bigint[], $3::bigint[]) with ordinality as told (subject, accepted_at, first_seen_at, n)
     left join lateral (select s.accepted_at, s.first_seen_at from subjects s where s.subject = told.subject limit 1) known on true
     where known.accepted_at is null or told.accepted_at < known.accepted_at or told.first_seen_at < known.first_seen_at`,
    columnsOf(all, 'subject', 'acceptedAt', 'firstSeenAt'));
  return new Map(rows.map(({ n, acceptedAt, firstSeenAt }) => [all[n - 1]!, acceptedAt === null ? 'never' : { acceptedAt, firstSeenAt }]));
}

type KnownRow = { n: number; occurredAt: number | null; acceptedAt: number; messageId: string; verified: boolean };

/** What known subjects carry that they did not, or not so early, or not verified. What is as early to the millisecond is compared here. */
async function carriedBefore(tx: Tx, known: readonly Told[]): Promise<Map<Told, { evidence: Carried[]; added: Carried[] }>> {
  const pairs = known.flatMap((told) => told.evidence.map((carried) => ({ told, carried })));
  if (pairs.length === 0) return new Map();
  const asked = pairs.map(({ carried: { subject, type, value, verified, version: [occurredAt] } }) => ({ subject, type, value, verified, occurredAt }));
  const rows = await tx.query<KnownRow>(
    `select told.n::int as n, e.occurred_at::float8 as "occurredAt", e.accepted_at::float8 as "acceptedAt", e.message_id as "messageId", e.verified
     from unnest($1::text[], $2::text[], $3::text[], $4::boolean[], $5::bigint[]) with ordinality as told (subject, type, value, verified, occurred_at, n)
     left join lateral (select * from evidence e where e.subject = told.subject and e.type = told.type and e.value = told.value limit 1) e on true
     where e.subject is null or told.occurred_at <= e.occurred_at or (told.verified and not e.verified)`,
    columnsOf(asked, 'subject', 'type', 'value', 'verified', 'occurredAt'));
  const news = new Map<Told, { evidence: Carried[]; added: Carried[] }>();
  for (const row of rows) {
    const { told, carried } = pairs[row.n - 1]!;
    const before: Evidence | undefined = row.occurredAt === null ? undefined : { ...carried, version: [row.occurredAt, row.acceptedAt, row.messageId], verified: row.verified };
    const merged = before ? { ...carried, ...mergeEvidence(before, carried) } : carried;
    if (before && merged.version === before.version && merged.verified === before.verified) continue;
    const found = news.get(told) ?? news.set(told, { evidence: [], added: [] }).get(told)!;
    found.evidence.push(merged);
    if (!before) found.added.push(merged);
  }
  return news;
}

async function registersBefore(tx: Tx, known: readonly Told[]): Promise<Map<string, Registers>> {
  return findRegisters(tx, known.filter(({ fields }) => fields).map(({ subject }) => subject));
}

/**
 * Every new subject is a person of its own at first, under its permanent id. Returns those that really are new: of the others
 * another partition has told meanwhile.
 */
export async function insertSubjects(tx: Tx, all: readonly Told[], idOf: (subject: string) => string): Promise<Set<string>> {
  if (all.length === 0) return new Set();
  const rows = all.map(({ subject, acceptedAt, firstSeenAt }) => ({ subject, id: idOf(subject), acceptedAt, firstSeenAt }));
  const inserted = await tx.query<{ subject: string }>(
    `insert into subjects (subject, id, accepted_at, first_seen_at, profile_id)
     select subject, id, accepted_at, first_seen_at, id from unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[]) as new (subject, id, accepted_at, first_seen_at)
     on conflict do nothing returning subject`, columnsOf(rows, 'subject', 'id', 'acceptedAt', 'firstSeenAt'));
  return new Set(inserted.map(({ subject }) => subject));
}

/** Stores evidence: what nobody had heard of, and what is earlier or verified now. */
export async function saveEvidence(tx: Tx, news: readonly News[]): Promise<void> {
  const added = news.flatMap((one) => one.added);
  const isAdded = new Set(added);
  const changed = news.flatMap(({ evidence }) => evidence.filter((one) => !isAdded.has(one)));
  const columns = ['subject', 'type', 'value', 'occurredAt', 'acceptedAt', 'messageId', 'verified', 'account'] as const;
  if (added.length > 0) await tx.query(
    `insert into evidence (subject, type, value, occurred_at, accepted_at, message_id, verified, account)
     select * from unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::bigint[], $6::text[], $7::boolean[], $8::boolean[])`, columnsOf(added.map(rowOf), ...columns));
  if (changed.length > 0) await tx.query(
    `update evidence e set occurred_at = new.occurred_at, accepted_at = new.accepted_at, message_id = new.message_id, verified = new.verified
     from unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::bigint[], $6::text[], $7::boolean[]) as new (subject, type, value, occurred_at, accepted_at, message_id, verified)
     where e.subject = new.subject and e.type = new.type and e.value = new.value`, columnsOf(changed.map(rowOf), ...columns.slice(0, -1)));
}

const rowOf = ({ subject, type, value, verified, version: [occurredAt, acceptedAt, messageId] }: Evidence) =>
  ({ subject, type, value, occurredAt, acceptedAt, messageId, verified, account: subjectKind(subject) === 'account' });

/**
 * Those of these subjects that somebody else may share a component with: another carries one of their identifiers, people decided
 * about them, or their profile has more members. All others are persons of their own, and nothing needs to be loaded to know it.
 */
export async function crowdedAmong(tx: Tx, subjects: readonly string[]): Promise<Set<string>> {
  const own = subjects.map((subject) => ownIdentifier(subject));
  const rows = await tx.query<{ subject: string }>(
    `with touched as (select * from unnest($1::text[], $2::text[], $3::text[]) as touched (subject, type, value))
     select subject from touched t where type is not null and exists (
       select from evidence e where identifier_hash(e.type, e.value) = identifier_hash(t.type, t.value) and e.type = t.type and e.value = t.value and e.subject <> t.subject offset 0)
     union all
     select t.subject from touched t cross join lateral (select type, value from evidence e where e.subject = t.subject offset 0) c
     where exists (select from evidence e where identifier_hash(e.type, e.value) = identifier_hash(c.type, c.value) and e.type = c.type and e.value = c.value and e.subject <> t.subject offset 0)
        or (c.type in ('account', 'anonymous') and exists (
              select from subjects s where s.subject = split_part(c.value, ':', 1) || ':' || c.type || ':' || substr(c.value, strpos(c.value, ':') + 1)))
     union all
     select t.subject from touched t cross join lateral (select profile_id from subjects s where s.subject = t.subject limit 1) s
     cross join lateral (select from profiles p where p.profile_id = s.profile_id and (cardinality(p.subjects) <> 1 or p.stale) limit 1) p
     union all
     select unnest(subjects) from decisions where subjects && $1::text[]`,
    [subjects, own.map((one) => one?.type ?? null), own.map((one) => one?.value ?? null)]);
  return new Set(rows.map(({ subject }) => subject));
}
