import { columnsOf, type Tx } from '@yunke/postgres';

import type { Cause } from '../observation/observation.js';
import { identifierKey, ownIdentifier, ruleOf, subjectKind, type Identifier } from '../resolve/identifier.js';
import { components, type Decision, type Evidence, type Seen } from '../resolve/resolve.component.js';
import { LARGEST_COMPONENT, resolve } from '../resolve/resolve.js';
import type { Former, Graph } from './partition.js';

/** One number for "the graph is being changed". */
const LOCK = 4_410_231;

/**
 * Until this transaction ends nobody else brings evidence, moves a subject or takes a decision number. Read after it, never before:
 * who held it last may have brought the same.
 */
export async function lockGraph(tx: Tx): Promise<void> {
  await tx.query('select pg_advisory_xact_lock($1)', [LOCK]);
}

/** The next decision number. Only under `lockGraph`. */
export async function nextDecision(tx: Tx): Promise<number> {
  const [row] = await tx.query<{ n: number }>('update decision_number set n = n + 1 returning n::float8 as n');
  return row!.n;
}

/** What a change touches, each with what led to it. */
export type Seeds = {
  readonly subjects: ReadonlyMap<string, Cause>;
  /** Identifiers that people decided about: all who carry one are touched, generic or not. */
  readonly identifiers?: readonly { readonly identifier: Identifier; readonly cause: Cause }[];
  /** Evidence of this change, already stored: how many accounts it adds tells which identifier becomes generic by it. */
  readonly added?: readonly Evidence[];
  /** First sights of this change that are not stored yet. */
  readonly seen?: readonly Seen[];
};

type Loading = {
  readonly seen: Seen[]; readonly evidence: Evidence[]; readonly decisions: Map<string, Decision>;
  readonly ids: Map<string, string>; readonly homes: Map<string, string>; readonly former: Map<string, Former>;
  readonly carriers: Map<string, number>; readonly cut: Set<string>; readonly huge: Set<string>;
  /** Everything that was asked for, found or not, and why. */
  readonly subjects: Map<string, Cause>; readonly identifiers: Map<string, Cause>;
  readonly accountsAdded: ReadonlyMap<string, number>;
  next: Map<string, Cause>;
};

type Asked = { identifier: Identifier; cause: Cause; forced: boolean };

/**
 * The components of what a change touches, as they are now, and all that were one with them before: those of every carrier of an
 * identifier that has become generic, and of every former member of their profiles.
 */
export async function loadGraph(tx: Tx, { subjects, identifiers = [], added = [], seen = [] }: Seeds): Promise<Graph> {
  const accounts = added.filter(({ subject }) => subjectKind(subject) === 'account');
  const loading: Loading = {
    seen: [...seen], evidence: [], decisions: new Map(), ids: new Map(), homes: new Map(), former: new Map(), carriers: new Map(),
    cut: new Set(), huge: new Set(), subjects: new Map(), identifiers: new Map(), next: new Map(subjects),
    accountsAdded: new Map([...Map.groupBy(accounts, identifierKey)].map(([key, { length }]) => [key, length])),
  };
  await expand(tx, loading, identifiers.map((one) => ({ ...one, forced: true })));
  // Also what is revoked: it joins nobody, but it counts, and may be the one that makes its identifier generic.
  await expand(tx, loading, added.map(({ subject, type, value }) => ({ identifier: { type, value }, cause: subjects.get(subject)!, forced: false })));
  while (loading.next.size > 0) {
    const asked = await loadNext(tx, loading);
    await expand(tx, loading, asked);
    if (loading.next.size === 0) await formerMembers(tx, loading);
  }
  cutHuge(loading);
  const decisions = [...loading.decisions.values()];
  return { ...loading, log: { seen: loading.seen, evidence: loading.evidence, decisions }, origins: loading.subjects };
}

/** Loads the next subjects with all they carry, and tells the identifiers to go on with. */
async function loadNext(tx: Tx, loading: Loading): Promise<Asked[]> {
  const batch = loading.next;
  loading.next = new Map();
  for (const [subject, cause] of batch) loading.subjects.set(subject, cause);
  const names = [...batch.keys()];
  await loadSubjects(tx, loading, names);
  const evidence = await loadEvidence(tx, names);
  loading.evidence.push(...evidence);
  const revoked = await loadDecisions(tx, loading, names);
  if (loading.seen.length + loading.identifiers.size > LARGEST_COMPONENT) cutLarge(loading);
  const own = names.flatMap((subject) => ({ subject, identifier: ownIdentifier(subject) }));
  const standing = evidence.filter(({ subject, ...identifier }) => !revoked.has(`${subject}\n${identifierKey(identifier)}`));
  return [...own, ...standing.map(({ subject, type, value }) => ({ subject, identifier: { type, value } }))]
    .flatMap(({ subject, identifier }): Asked[] => (identifier && !loading.cut.has(subject) ? [{ identifier, cause: batch.get(subject)!, forced: false }] : []));
}

async function loadSubjects(tx: Tx, { seen, ids, homes }: Loading, names: readonly string[]): Promise<void> {
  const rows = await tx.query<Seen & { id: string; profileId: string }>(
    `select subject, id, accepted_at::float8 as "acceptedAt", first_seen_at::float8 as "firstSeenAt", profile_id as "profileId" from subjects where subject = any($1) order by subject`, [names]);
  for (const { id, profileId, ...one } of rows) {
    seen.push(one);
    ids.set(one.subject, id);
    homes.set(one.subject, profileId);
  }
}

type EvidenceRow = { subject: string; type: string; value: string; occurredAt: number; acceptedAt: number; messageId: string; verified: boolean };

/** What these subjects carry. */
export async function loadEvidence(tx: Tx, subjects: readonly string[]): Promise<Evidence[]> {
  const rows = await tx.query<EvidenceRow>(
    `select subject, type, value, occurred_at::float8 as "occurredAt", accepted_at::float8 as "acceptedAt", message_id as "messageId", verified
     from evidence where subject = any($1) order by subject, type, value`, [subjects]);
  return rows.map(({ subject, type, value, occurredAt, acceptedAt, messageId, verified }) => ({ subject, type, value, version: [occurredAt, acceptedAt, messageId], verified }));
}

type DecisionRow = { id: string; kind: Decision['kind']; subjects: string[]; type: string; value: string; at: number };

/** What people decided about these subjects. Returns what was revoked of them; who was linked to them comes next. */
async function loadDecisions(tx: Tx, loading: Loading, names: readonly string[]): Promise<Set<string>> {
  const rows = await tx.query<DecisionRow>(
    `select id, kind, subjects, type, value, decided_at::float8 as at from decisions where subjects && $1::text[] and withdrawn_at is null order by id`, [names]);
  const revoked = new Set<string>();
  for (const { id, kind, subjects: [a, b = ''], type, value, at } of rows) {
    if (kind === 'revoke') revoked.add(`${a}\n${identifierKey({ type, value })}`);
    if (kind === 'revoke') loading.decisions.set(id, { kind, subject: a!, type, value });
    if (kind === 'link' || kind === 'cannot-link') loading.decisions.set(id, { kind, a: a!, b, version: [at, at, id] });
    if (kind === 'link') for (const [from, to] of [[a!, b], [b, a!]] as const) reach(loading, to, loading.subjects.get(from));
  }
  return revoked;
}

function reach(loading: Loading, subject: string, cause: Cause | undefined): void {
  if (cause && !loading.subjects.has(subject) && !loading.next.has(subject)) loading.next.set(subject, cause);
}

/** Nothing more is loaded of what is too large already. Of an identifier that was not counted yet nobody knows whether it joins. */
function cutLarge({ seen, evidence, decisions, carriers, cut }: Loading): void {
  const counted = evidence.filter((carried) => carriers.has(identifierKey(carried)));
  for (const component of components({ seen, evidence: counted, decisions: [...decisions.values()] }, carriers))
    if (resolve(component).stale) for (const { subject } of component.seen) cut.add(subject);
}

/** Nor of what hangs on an identifier that too many carry. */
function cutHuge({ seen, evidence, cut, huge }: Loading): void {
  if (huge.size === 0) return;
  for (const carried of evidence) if (huge.has(identifierKey(carried))) cut.add(carried.subject);
  for (const { subject } of seen) {
    const own = ownIdentifier(subject);
    if (own && huge.has(identifierKey(own))) cut.add(subject);
  }
}

type Reach = { at: number; accounts: number; lifted: boolean; carriers: number };

/** Finds who else carries these identifiers: of a generic one, nobody, unless it has become so by this very change. */
async function expand(tx: Tx, loading: Loading, asked: readonly Asked[]): Promise<void> {
  const fresh = new Map(asked.filter(({ identifier }) => !loading.identifiers.has(identifierKey(identifier))).map((one) => [identifierKey(one.identifier), one]));
  if (fresh.size === 0) return;
  const all = [...fresh.values()];
  for (const [key, { cause }] of fresh) loading.identifiers.set(key, cause);
  const rows = all.map(({ identifier, forced }) => ({ ...identifier, forced, most: ruleOf(identifier.type).accountLimit, added: loading.accountsAdded.get(identifierKey(identifier)) ?? 0 }));
  const reaches = await countCarriers(tx, rows);
  const open: Asked[] = [];
  for (const { at, accounts, lifted, carriers } of reaches) {
    const { identifier } = all[at]!;
    const key = identifierKey(identifier);
    loading.carriers.set(key, accounts);
    if (lifted) loading.decisions.set(`lift\n${key}`, { kind: 'lift', ...identifier });
    const generic = accounts > rows[at]!.most && !lifted;
    if (carriers > LARGEST_COMPONENT && !generic) loading.huge.add(key);
    if (carriers > 0 && carriers <= LARGEST_COMPONENT) open.push(all[at]!);
  }
  await reachCarriers(tx, loading, open);
}

const SAME = 'identifier_hash(e.type, e.value) = identifier_hash(asked.type, asked.value) and e.type = asked.type and e.value = asked.value';

/** Counts stop where they can tell nothing more. `carriers` is 0 for what was generic before and is not asked for. */
function countCarriers(tx: Tx, rows: readonly (Identifier & { most: number; added: number; forced: boolean })[]): Promise<Reach[]> {
  return tx.query<Reach>(
    `select asked.n::int - 1 as at, a.accounts, l.lifted,
       case when asked.forced or l.lifted or a.accounts - asked.added <= asked.most
            then (select count(*)::int from (select from evidence e where ${SAME} limit $6) c) else 0 end as carriers
     from unnest($1::text[], $2::text[], $3::int[], $4::int[], $5::boolean[]) with ordinality as asked (type, value, most, added, forced, n)
     cross join lateral (select count(*)::int as accounts from (
       select from evidence e where ${SAME} and e.account limit asked.most + asked.added + 1) c) a
     cross join lateral (select exists (select from decisions d where d.type = asked.type and d.value = asked.value and d.kind = 'lift' and d.withdrawn_at is null) as lifted) l`,
    [...columnsOf(rows, 'type', 'value', 'most', 'added', 'forced'), LARGEST_COMPONENT + 1]);
}

/** Who carries these, and whose own key they are. */
async function reachCarriers(tx: Tx, loading: Loading, open: readonly Asked[]): Promise<void> {
  if (open.length === 0) return;
  const rows = await tx.query<{ at: number; subject: string }>(
    `select asked.n::int - 1 as at, e.subject from unnest($1::text[], $2::text[]) with ordinality as asked (type, value, n)
     cross join lateral (select e.subject from evidence e where ${SAME} offset 0) e order by 1, 2`,
    columnsOf(open.map(({ identifier }) => identifier), 'type', 'value'));
  for (const { at, subject } of rows) reach(loading, subject, open[at]!.cause);
  for (const { identifier: { type, value }, cause } of open) {
    const colon = value.indexOf(':');
    if (type === 'account' || type === 'anonymous') reach(loading, `${value.slice(0, colon)}:${type}:${value.slice(colon + 1)}`, cause);
  }
}

/** The profiles of all that was loaded, as they were. A member elsewhere (of what was too large once) is looked at, too. */
async function formerMembers(tx: Tx, loading: Loading): Promise<void> {
  const unknown = [...new Set(loading.homes.values())].filter((id) => !loading.former.has(id));
  const rows = await tx.query<Former & { profileId: string }>('select profile_id as "profileId", subjects, stale from profiles where profile_id = any($1) order by profile_id', [unknown]);
  const firsts = new Map([...loading.homes].map(([subject, home]) => [home, subject]));
  for (const { profileId, subjects, stale } of rows) {
    loading.former.set(profileId, { subjects, stale });
    for (const subject of subjects) reach(loading, subject, loading.subjects.get(firsts.get(profileId)!));
  }
}
