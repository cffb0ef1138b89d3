import { columnsOf, packed, packedColumn, sorted, type Db, type Tx } from '@yunke/postgres';
import { iso, type Millis } from '@yunke/kernel';

import type { Channel, Wish } from '../rule/rule.js';
import type { Intent, State } from './intent.js';

const at = (column: string, name: string): string => `floor(extract(epoch from ${column}) * 1000)::float8 as "${name}"`;

const columns = `id, fact, fact_id as "factId", body, reason, ${at('effective_at', 'effectiveAt')}, rule, rule_version as "ruleVersion", class, channel, template, priority,
  subject, profile_id as "profileId", target, ${at('created_at', 'wantedAt')}, ${at('expires_at', 'expiresAt')}, traceparent, state, why, seen, ${at('due_at', 'dueAt')},
  contact_id as "contactId", address, language, template_version as "templateVersion", attempts, was_unclear as "wasUnclear", ${at('called_at', 'calledAt')}, provider_id as "providerId", bounced, ${at('ended_at', 'endedAt')}`;

/** Nulls of the optional parts of a wish become absent. */
const intentOf = (row: Intent): Intent => ({ ...row, subject: row.subject ?? undefined, profileId: row.profileId ?? undefined, target: row.target ?? undefined, template: row.template ?? undefined, traceparent: row.traceparent ?? undefined });

/** Writes down what is wanted; what is there already stays as it is. */
export async function insertMany(tx: Tx, wishes: readonly Wish[], now: Millis): Promise<void> {
  if (wishes.length === 0) return;
  const rows = wishes.map((wish) => ({ ...wish, effective: iso(wish.effectiveAt), expires: iso(wish.expiresAt) })).sort((a, b) => (a.id < b.id ? -1 : 1));
  await tx.query(
    `insert into intents (id, fact, fact_id, reason, effective_at, rule, rule_version, class, channel, template, priority, subject, profile_id, target, expires_at, traceparent, body, created_at, state)
     select *, $18, 'ready' from unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::timestamptz[], $6::text[], $7::int[], $8::text[], $9::text[], $10::text[], $11::int[], $12::text[], $13::text[], $14::text[], $15::timestamptz[], $16::text[], ${packed('$17', 'json')})
     on conflict (id) do nothing`,
    [...columnsOf(rows, 'id', 'fact', 'factId', 'reason', 'effective', 'rule', 'ruleVersion', 'class', 'channel', 'template', 'priority', 'subject', 'profileId', 'target', 'expires', 'traceparent'), packedColumn(rows, 'body'), iso(now)]);
}

/** The most urgent intents of a channel that are ready, locked; what another worker holds is left to it. */
export async function lockReady(tx: Tx, channel: Channel, limit: number): Promise<Intent[]> {
  const rows = await tx.query<Intent>(`select ${columns} from intents where state = 'ready' and channel = $1 order by priority desc, created_at, id limit $2 for update skip locked`, [channel, limit]);
  return rows.map(intentOf);
}

/** Calls whose process did not finish them in time, locked. The lease is real time, not business time. */
export async function lockLost(tx: Tx, limit: number): Promise<Intent[]> {
  return (await tx.query<Intent>(`select ${columns} from intents where state = 'calling' and lease_until < clock_timestamp() order by lease_until limit $1 for update skip locked`, [limit])).map(intentOf);
}

/** Of these calls those that are still ours, locked: not taken over since. */
export async function lockCalling(tx: Tx, calls: readonly { readonly id: string; readonly attempts: number }[]): Promise<Intent[]> {
  const rows = await tx.query<Intent>(
    `select ${columns} from intents join unnest($1::uuid[], $2::int[]) as mine (mine_id, attempt) on id = mine_id and attempts = attempt where state = 'calling' order by id for update of intents`, columnsOf(calls, 'id', 'attempts'));
  return rows.map(intentOf);
}

const CHANGED = ['id', 'state', 'why', 'seen', 'due', 'contactId', 'address', 'language', 'templateVersion', 'attempts', 'wasUnclear', 'called', 'providerId', 'ended', 'profileId'] as const;

/** Saves where intents stand. A call gets a lease of so many seconds. The rows are locked. */
export async function saveMany(tx: Tx, intents: readonly Intent[], leaseSeconds: number): Promise<void> {
  if (intents.length === 0) return;
  const time = (instant: Millis | null): string | null => (instant === null ? null : iso(instant));
  const rows = intents.map((one) => ({ ...one, due: time(one.dueAt), called: time(one.calledAt), ended: time(one.endedAt) }));
  await tx.query(
    `update intents set state = new.state, why = new.why, seen = new.seen::json, due_at = new.due, contact_id = new.contact, address = new.address, language = new.language, template_version = new.template_version,
       attempts = new.attempts, was_unclear = new.was_unclear, called_at = new.called, provider_id = new.provider, ended_at = new.ended, profile_id = new.profile,
       lease_until = case new.state when 'calling' then clock_timestamp() + $16 * interval '1 second' end
     from unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::timestamptz[], $6::text[], $7::text[], $8::text[], $9::int[], $10::int[], $11::boolean[], $12::timestamptz[], $13::text[], $14::timestamptz[], $15::text[])
       as new (id, state, why, seen, due, contact, address, language, template_version, attempts, was_unclear, called, provider, ended, profile) where intents.id = new.id`,
    [...columnsOf(rows, ...CHANGED), leaseSeconds]);
}

/**
 * What waited for these subjects or profiles to become known, or for their address, is ready. Call it with both locked: what another
 * transaction holds is being decided by it, behind our locks, or made ready as well.
 */
export async function awaken(tx: Tx, { subjects, profileIds }: { subjects: readonly string[]; profileIds: readonly string[] }): Promise<void> {
  await tx.query(
    `update intents set state = 'ready' where id in (
       select id from intents where state = 'waiting' and why in ('profile.unknown', 'contact.unknown') and (subject = any($1) or profile_id = any($2)) for update skip locked)`,
    [sorted(subjects), sorted(profileIds)]);
}

/** Of these intents those that have waited until an instant are ready. Returns when the others are due: undefined, when they wait no more. */
export async function readyDue(tx: Tx, ids: readonly string[], until: Millis): Promise<{ key: string; dueAt: Millis | undefined }[]> {
  const rows = await tx.query<{ id: string; dueAt: Millis | null; state: State }>(`select id, state, ${at('due_at', 'dueAt')} from intents where id = any($1) order by id for update`, [ids]);
  const due = rows.filter(({ state, dueAt }) => state === 'waiting' && dueAt! <= until).map(({ id }) => id);
  if (due.length > 0) await tx.query(`update intents set state = 'ready' where id = any($1)`, [due]);
  const later = new Map(rows.filter(({ state, dueAt }) => state === 'waiting' && dueAt! > until).map(({ id, dueAt }) => [id, dueAt!]));
  return ids.map((key) => ({ key, dueAt: later.get(key) }));
}

/** When marketing went to these contact points since an instant, or may have. */
export async function sentTo(tx: Tx, contactIds: readonly string[], since: Millis): Promise<Map<string, Millis[]>> {
  const rows = await tx.query<{ contactId: string; at: Millis }>(
    `select contact_id as "contactId", ${at('called_at', 'at')} from intents
     where class = 'marketing' and channel = 'email' and contact_id = any($1) and called_at > $2 and state in ('calling', 'sent', 'unknown')`, [contactIds, iso(since)]);
  const sent = new Map<string, Millis[]>(contactIds.map((id) => [id, []]));
  for (const { contactId, at: instant } of rows) sent.get(contactId)!.push(instant);
  return sent;
}

export type IntentFilter = { readonly state?: State; readonly rule?: string; readonly profileId?: string; readonly limit: number; readonly after?: { readonly at: string; readonly id: string } };

/** A page of intents, the latest first. */
export async function list(db: Db, { state, rule, profileId, limit, after }: IntentFilter): Promise<Intent[]> {
  const rows = await db.query<Intent>(
    `select ${columns} from intents where ($1::text is null or state = $1) and ($2::text is null or rule = $2) and ($3::text is null or profile_id = $3)
       and ($4::timestamptz is null or (created_at, id) < ($4, $5::uuid)) order by created_at desc, id desc limit $6`,
    [state ?? null, rule ?? null, profileId ?? null, after?.at ?? null, after?.id ?? null, limit]);
  return rows.map(intentOf);
}

export async function find(db: Db | Tx, id: string): Promise<Intent | undefined> {
  const [row] = await db.query<Intent>(`select ${columns} from intents where id::text = $1`, [id]);
  return row && intentOf(row);
}

/** Forgets a slice of the messages that ended before an instant, with their calls. Returns how many. */
export async function forgetEnded(tx: Tx, before: Millis, limit: number): Promise<number> {
  const [row] = await tx.query<{ gone: number }>(
    `with gone as (delete from intents where id in (select id from intents where ended_at < $1 order by ended_at limit $2 for update skip locked) returning id),
       calls as (delete from deliveries d using gone where d.intent_id = gone.id)
     select count(*)::int as gone from gone`, [iso(before), limit]);
  return row!.gone;
}

/** Writes down that a message came back; `isNews` unless the same was written before. */
export async function markBounced(tx: Tx, id: string, kind: string): Promise<{ factId: string; contactId: string | null; isNews: boolean } | undefined> {
  const [row] = await tx.query<{ factId: string; contactId: string | null; bounced: string | null }>('select fact_id as "factId", contact_id as "contactId", bounced from intents where id = $1 and attempts > 0 for update', [id]);
  if (!row) return undefined;
  await tx.query('update intents set bounced = $2 where id = $1', [id, kind]);
  return { factId: row.factId, contactId: row.contactId, isNews: row.bounced !== kind };
}
