import { compareText, compareVersions, type Version } from '@yunke/kernel';
import { identifierKey, ownIdentifier, ruleOf, subjectKind, type Identifier } from './identifier.js';

/**
 * A subject carried a normalised identifier. `version` is [occurredAt, acceptedAt, messageId] of the earliest observation
 * that said so; `verified` if any of them was.
 */
export type Evidence = { subject: string; type: string; value: string; version: Version; verified: boolean };

/** A subject exists: the smallest `acceptedAt` and the smallest occurredAt (`firstSeenAt`) of its observations, in milliseconds. */
export type Seen = { subject: string; acceptedAt: number; firstSeenAt: number };

/** What people decided. A pair has no direction; its `version` is [decidedAt, decidedAt, the decision's id]. */
export type Decision =
  | { kind: 'link' | 'cannot-link'; a: string; b: string; version: Version }
  /** This subject does not carry this identifier, whoever says so, then and later. */
  | { kind: 'revoke'; subject: string; type: string; value: string }
  /** This identifier is not generic, however many carry it. */
  | { kind: 'lift'; type: string; value: string };

export type Pair = { a: string; b: string; version: Version };

/** Lists are sets: order and repetition mean nothing. */
export type Log = { seen: readonly Seen[]; evidence: readonly Evidence[]; decisions: readonly Decision[] };

/** What is connected, each thing once. `generic` is the evidence that was left out, kept with its subjects as a refusal. */
export type Component = { seen: Seen[]; evidence: Evidence[]; generic: Evidence[]; links: Pair[]; cannotLinks: Pair[] };

/** Commutative, associative and idempotent, so that evidence may be heard in any order and more than once. */
export const mergeEvidence = (a: Evidence, b: Evidence): Evidence => ({
  ...a, version: compareVersions(a.version, b.version) <= 0 ? a.version : b.version, verified: a.verified || b.verified,
});

export const mergeSeen = (a: Seen, b: Seen): Seen => ({
  subject: a.subject, acceptedAt: Math.min(a.acceptedAt, b.acceptedAt), firstSeenAt: Math.min(a.firstSeenAt, b.firstSeenAt),
});

/**
 * How many account subjects have ever carried each identifier, by `identifierKey`; revoked and erased ones count, so it only
 * grows. Give it the whole evidence there ever was, not that of one component.
 */
export function countCarriers(evidence: readonly Evidence[]): Map<string, number> {
  const carriers = new Map<string, number>();
  for (const each of mergeBy(evidence, evidenceKey, mergeEvidence).values())
    if (subjectKind(each.subject) === 'account') carriers.set(identifierKey(each), (carriers.get(identifierKey(each)) ?? 0) + 1);
  return carriers;
}

/**
 * The log's connected components, sorted by their first subject: joined by evidence that is neither revoked nor generic,
 * whether `resolve` will accept it or not, by each subject's own key, and by people's links.
 *
 * Evidence of a subject that was not seen (erased) counts for `carriers` only; decisions about one wait for it.
 *
 * A part of a log gives the same components as the whole when it holds every component that the change touches, as it was
 * before: those of the subjects the change names, of every carrier of the identifier it names (one that becomes generic, or
 * no longer is, touches all of them), and for a new subject those of the carriers of its own key and of decisions that wait for it.
 */
export function components(log: Log, carriers: ReadonlyMap<string, number> = countCarriers(log.evidence)): Component[] {
  const seen = mergeBy(log.seen, ({ subject }) => subject, mergeSeen);
  const standing = evidenceOf(log, seen);
  const lifted = new Set(log.decisions.filter((decision) => decision.kind === 'lift').map(identifierKey));
  const isGeneric = (carried: Evidence) =>
    (carriers.get(identifierKey(carried)) ?? 0) > ruleOf(carried.type).accountLimit && !lifted.has(identifierKey(carried));
  const [links, cannotLinks] = [pairsOf(log, 'link', seen), pairsOf(log, 'cannot-link', seen)];

  const groups: Groups = new Map();
  for (const subject of seen.keys()) connect(groups, subject, keyOf(ownIdentifier(subject)) ?? subject);
  for (const carried of standing) if (!isGeneric(carried)) connect(groups, carried.subject, identifierKey(carried));
  for (const { a, b } of links) connect(groups, a, b);

  const found = new Map<Group, Component>();
  for (const each of [...seen.values()].sort((a, b) => compareText(a.subject, b.subject))) at(found, groups, each.subject).seen.push(each);
  for (const carried of standing) at(found, groups, carried.subject)[isGeneric(carried) ? 'generic' : 'evidence'].push(carried);
  for (const pair of links) at(found, groups, pair.a).links.push(pair);
  for (const pair of cannotLinks) if (groups.get(pair.a) === groups.get(pair.b)) at(found, groups, pair.a).cannotLinks.push(pair);
  return [...found.values()];
}

type Group = { nodes: string[] };
type Groups = Map<string, Group>;

/** Makes one group of two: the larger, into which the nodes of the smaller move, so that n unions cost n log n moves. */
export function gather<G extends Group>(groups: Map<string, G>, a: G, b: G): { kept: G; gone: G } {
  const [kept, gone] = a.nodes.length < b.nodes.length ? [b, a] : [a, b];
  for (const node of gone.nodes) {
    groups.set(node, kept);
    kept.nodes.push(node);
  }
  return { kept, gone };
}

function connect(groups: Groups, a: string, b: string): void {
  for (const node of [a, b]) if (!groups.has(node)) groups.set(node, { nodes: [node] });
  const [left, right] = [groups.get(a)!, groups.get(b)!];
  if (left !== right) gather(groups, left, right);
}

function at(found: Map<Group, Component>, groups: Groups, subject: string): Component {
  const group = groups.get(subject)!;
  if (!found.has(group)) found.set(group, { seen: [], evidence: [], generic: [], links: [], cannotLinks: [] });
  return found.get(group)!;
}

/** The evidence of seen subjects that nobody revoked, each once. */
function evidenceOf(log: Log, seen: ReadonlyMap<string, Seen>): Evidence[] {
  const revoked = new Set(log.decisions.filter((decision) => decision.kind === 'revoke').map(evidenceKey));
  return [...mergeBy(log.evidence, evidenceKey, mergeEvidence)]
    .filter(([key, { subject }]) => seen.has(subject) && !revoked.has(key)).map(([, evidence]) => evidence);
}

/** The pairs that were decided so, each once, as first decided, the smaller subject first. */
function pairsOf({ decisions }: Log, kind: 'link' | 'cannot-link', seen: ReadonlyMap<string, Seen>): Pair[] {
  const pairs = decisions.flatMap((decision) => (decision.kind === kind && 'a' in decision ? [decision] : []))
    .filter(({ a, b }) => a !== b && seen.has(a) && seen.has(b))
    .map(({ a, b, version }) => (a < b ? { a, b, version } : { a: b, b: a, version }));
  return [...mergeBy(pairs, ({ a, b }) => `${a}\n${b}`, (x, y) => (compareVersions(x.version, y.version) <= 0 ? x : y)).values()];
}

function mergeBy<T>(all: readonly T[], keyOf: (each: T) => string, merge: (a: T, b: T) => T): Map<string, T> {
  const merged = new Map<string, T>();
  for (const each of all) {
    const before = merged.get(keyOf(each));
    merged.set(keyOf(each), before ? merge(before, each) : each);
  }
  return merged;
}

const keyOf = (identifier: Identifier | undefined) => identifier && identifierKey(identifier);
const evidenceKey = ({ subject, type, value }: { subject: string; type: string; value: string }) => `${subject}\n${type}\n${value}`;
