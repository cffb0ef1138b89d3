import fc from 'fast-check';
import type { Version } from '@yunke/kernel';
import { components, countCarriers, mergeEvidence, type Component, type Decision, type Evidence, type Log, type Seen } from './resolve.component.js';
import { resolve, type Refused } from './resolve.js';

// Histories in which nearly everything collides: six accounts at three sources, four visitors and guests, a dozen identifiers.
const subjects = [
  ...['web', 'pos', 'app'].flatMap((source) => [`${source}:account:1`, `${source}:account:2`]),
  'web:anonymous:x', 'app:anonymous:y', 'web:order-contact:A', 'pos:order-contact:B',
];
const accounts = subjects.filter((each) => each.includes(':account:'));
const identifiers = [
  ['phone', 'p1'], ['phone', 'p2'], ['phone', 'p3'], ['email', 'e1'], ['email', 'e2'], ['unionid', 'u1'], ['unionid', 'u2'],
  ['device', 'web:d'], ['anonymous', 'web:x'], ['anonymous', 'app:y'], ['account', 'web:1'], ['account', 'app:9'],
] as const;

const few = fc.integer({ min: 0, max: 3 });
const version = fc.tuple(few, few, fc.constantFrom('m1', 'm2', 'm3'));
const subject = fc.constantFrom(...subjects);
const verified = fc.integer({ min: 0, max: 3 }).map((roll) => roll > 0);
const evidence: fc.Arbitrary<Evidence> = fc.record({ subject, identifier: fc.constantFrom(...identifiers), version, verified })
  .map(({ identifier: [type, value], ...rest }) => ({ ...rest, type, value }));
/** One identifier on many accounts: generic, or just not. */
const hub: fc.Arbitrary<Evidence[]> = fc.tuple(evidence, fc.shuffledSubarray(accounts, { minLength: 3 }))
  .map(([one, carriers]) => carriers.map((each) => ({ ...one, subject: each })));
const pair: fc.Arbitrary<Decision> = fc.record({ kind: fc.constantFrom('link' as const, 'cannot-link' as const), a: subject, b: subject, version });
const lift: fc.Arbitrary<Decision> = fc.constantFrom(...identifiers).map(([type, value]) => ({ kind: 'lift', type, value }));
const seenAll: fc.Arbitrary<Seen[]> = fc.tuple(fc.array(fc.record({ acceptedAt: few, firstSeenAt: few }), { minLength: 10, maxLength: 10 }), fc.nat(19))
  .map(([times, erased]) => subjects.map((each, index) => ({ subject: each, ...times[index]! })).filter((_, index) => index !== erased));
const logs: fc.Arbitrary<Log> = fc.record({
  seen: seenAll,
  evidence: fc.integer({ min: 4, max: 30 }).chain((size) => fc.array(evidence, { minLength: size, maxLength: size })),
  hub: fc.oneof(fc.constant([]), hub),
  pairs: fc.array(pair, { maxLength: 4 }),
  lifts: fc.array(lift, { maxLength: 1 }),
  revokedAt: fc.array(fc.nat(29), { maxLength: 2 }),
}).map((draft) => ({
  seen: draft.seen,
  evidence: [...draft.evidence, ...draft.hub],
  decisions: [...draft.pairs, ...draft.lifts, ...draft.revokedAt.map((index) => revoke(draft.evidence[index % draft.evidence.length]!))],
}));

const nameOf = ({ subject, type, value }: Evidence) => ({ subject, type, value });
const revoke = (carried: Evidence): Decision => ({ kind: 'revoke', ...nameOf(carried) });
/** A permutation that `seed` chooses. */
const shuffle = <T>(all: readonly T[], seed: number): T[] =>
  all.map((each, index) => [Math.imul(seed ^ Math.imul(index + 1, 0x9e3779b1), 0x85ebca6b) >>> 0, each] as const).sort(([a], [b]) => a - b).map(([, each]) => each);

type Outcome = { profiles: { oldest: string; subjects: string[] }[]; refused: Refused[] };
const byText = <T>(all: T[]): T[] => all.map((each) => [JSON.stringify(each), each] as const).sort(([a], [b]) => (a < b ? -1 : 1)).map(([, each]) => each);
const law = <T>(arbitrary: fc.Arbitrary<T>, holds: (value: T) => void) => fc.assert(fc.property(arbitrary, holds), { numRuns: 1_000 });

function run(log: Log, carriers?: Map<string, number>): Outcome {
  const all = components(log, carriers).map(outcomeOf);
  return { profiles: byText(all.flatMap(({ profiles }) => profiles)), refused: byText(all.flatMap(({ refused }) => refused)) };
}

function outcomeOf(component: Component): Outcome {
  const resolution = resolve(component);
  if (resolution.stale) throw new Error('no history here is large');
  return { profiles: resolution.profiles.map(({ oldest, subjects }) => ({ oldest, subjects })), refused: resolution.refused };
}

// The oracle: the rules once more in the plainest form, over arrays and over the whole log at once. It shares no code with what it judges.
const ORDER = ['account', 'unionid', 'phone', 'email', 'device', 'anonymous'];
const WEAK = ['device', 'anonymous'];
const LIMIT: Record<string, number> = { account: 5, unionid: 20, phone: 5, email: 5, device: 3, anonymous: 3 };

type Edge = { subject: string; type: string; value: string; trusted: boolean; verified: boolean; key: (string | number)[] };

const isAccount = (node: string) => node.split(':')[1] === 'account';
const ownKey = (subject: string) => subject.replace(/^(\w+):(account|anonymous):(.*)$/, '$2=$1:$3');
const isBefore = (a: Edge, b: Edge) => {
  const at = a.key.findIndex((part, index) => part !== b.key[index]);
  return at >= 0 && a.key[at]! < b.key[at]!;
};
const earliest = (versions: Version[]) => versions.reduce((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? a : b));

function carriersOf(log: Log, type: string, value: string): string[] {
  return [...new Set(log.evidence.filter((each) => each.type === type && each.value === value).map((each) => each.subject))];
}

function isGeneric(log: Log, type: string, value: string): boolean {
  const lifted = log.decisions.some((each) => each.kind === 'lift' && each.type === type && each.value === value);
  return !lifted && carriersOf(log, type, value).filter(isAccount).length > LIMIT[type]!;
}

function standingEdges(log: Log): Edge[] {
  const known = (subject: string) => log.seen.some((each) => each.subject === subject);
  const edges: Edge[] = [];
  for (const { subject, type, value } of log.evidence) {
    const copies = log.evidence.filter((each) => each.subject === subject && each.type === type && each.value === value);
    const revoked = log.decisions.some((each) => each.kind === 'revoke' && each.subject === subject && each.type === type && each.value === value);
    const repeated = edges.some((each) => each.subject === subject && each.type === type && each.value === value);
    if (!known(subject) || revoked || repeated) continue;
    const verified = copies.some((each) => each.verified);
    const trusted = verified && !WEAK.includes(type);
    const key = [trusted ? 1 : 2, ORDER.indexOf(type), verified ? 0 : 1, ...earliest(copies.map((each) => each.version)), subject, type, value];
    edges.push({ subject, type, value, trusted, verified, key });
  }
  for (const decision of log.decisions) {
    if (decision.kind !== 'link' || decision.a === decision.b || !known(decision.a) || !known(decision.b)) continue;
    const [a, b] = [decision.a, decision.b].sort() as [string, string];
    const copies = log.decisions.flatMap((each) => (each.kind === 'link' && [each.a, each.b].includes(a) && [each.a, each.b].includes(b) ? [each.version] : []));
    if (edges.some((each) => each.subject === a && each.type === 'link' && each.value === b)) continue;
    edges.push({ subject: a, type: 'link', value: b, trusted: true, verified: true, key: [0, 0, 0, ...earliest(copies), a, 'link', b] });
  }
  return edges;
}

function whyNot(log: Log, edge: Edge, left: string[], right: string[]): Refused['reason'] | undefined {
  const across = (a: string, b: string) => (left.includes(a) && right.includes(b)) || (left.includes(b) && right.includes(a));
  if (log.decisions.some((each) => each.kind === 'cannot-link' && across(each.a, each.b))) return 'cannot-link';
  if (edge.type === 'link') return undefined;
  const onlyOne = (node: string) => (/^(account=\w+):/.exec(node) ?? /^(unionid)=/.exec(node))?.[1];
  if (left.some((a) => right.some((b) => onlyOne(a) && onlyOne(a) === onlyOne(b)))) return 'single';
  if (!edge.trusted && left.some(isAccount) && right.some(isAccount)) return edge.verified ? 'weak' : 'unverified';
  return undefined;
}

function oracle(log: Log): Outcome {
  const refused: Refused[] = [];
  let groups: string[][] = log.seen.map(({ subject }) => [...new Set([subject, ownKey(subject)])]);
  let left = standingEdges(log);
  while (left.length > 0) {
    const edge = left.reduce((best, each) => (isBefore(each, best) ? each : best));
    left = left.filter((each) => each !== edge);
    const { subject, type, value } = edge;
    if (type !== 'link' && isGeneric(log, type, value)) {
      refused.push({ subject, type, value, reason: 'generic' });
      continue;
    }
    const to = type === 'link' ? value : `${type}=${value}`;
    const mine = groups.find((group) => group.includes(subject))!;
    const theirs = groups.find((group) => group.includes(to)) ?? [to];
    const reason = mine === theirs ? undefined : whyNot(log, edge, mine, theirs);
    if (reason) refused.push({ subject, type, value, reason });
    else if (mine !== theirs) groups = [...groups.filter((group) => group !== mine && group !== theirs), [...mine, ...theirs]];
  }
  const profiles = groups.map((group) => log.seen.filter((each) => group.includes(each.subject))).map((members) => ({
    oldest: members.reduce((a, b) => (b.acceptedAt < a.acceptedAt || (b.acceptedAt === a.acceptedAt && b.subject < a.subject) ? b : a)).subject,
    subjects: members.map((each) => each.subject).sort(),
  }));
  return { profiles: byText(profiles), refused: byText(refused) };
}

// What a service does: it keeps the components it knows, and after each step loads and resolves only those that the step touches.
type Step = { seen: Seen } | { evidence: Evidence } | { decision: Decision };
type Known = { log: Log; parts: { subjects: string[]; outcome: Outcome }[] };

function hear({ log: before, parts }: Known, step: Step): Known {
  const log: Log = {
    seen: 'seen' in step ? [...before.seen, step.seen] : before.seen,
    evidence: 'evidence' in step ? [...before.evidence, step.evidence] : before.evidence,
    decisions: 'decision' in step ? [...before.decisions, step.decision] : before.decisions,
  };
  const touched = touchedBy(step, log);
  const loaded = parts.filter((part) => part.subjects.some((each) => touched.includes(each))).flatMap((part) => part.subjects).concat(touched);
  const part: Log = {
    seen: log.seen.filter((each) => loaded.includes(each.subject)),
    evidence: log.evidence.filter((each) => loaded.includes(each.subject)),
    decisions: log.decisions,
  };
  const resolved = components(part, countCarriers(log.evidence)).map((each) => ({ subjects: each.seen.map(({ subject }) => subject), outcome: outcomeOf(each) }));
  return { log, parts: [...parts.filter((each) => !each.subjects.some((one) => loaded.includes(one))), ...resolved] };
}

function touchedBy(step: Step, log: Log): string[] {
  const holders = (type: string, value: string) => [...carriersOf(log, type, value), ...subjects.filter((each) => ownKey(each) === `${type}=${value}`)];
  if ('evidence' in step) return [step.evidence.subject, ...holders(step.evidence.type, step.evidence.value)];
  if ('decision' in step) {
    const { decision } = step;
    return 'a' in decision ? [decision.a, decision.b] : holders(decision.type, decision.value);
  }
  const { subject } = step.seen;
  const partners = log.decisions.flatMap((each) => ('a' in each && (each.a === subject || each.b === subject) ? [each.a, each.b] : []));
  const carried = log.evidence.filter((each) => each.subject === subject).flatMap((each) => holders(each.type, each.value));
  const [type, value] = ownKey(subject).split('=');
  return [subject, ...partners, ...carried, ...(value ? holders(type!, value) : [])];
}

const allOf = ({ parts }: Known): Outcome => ({
  profiles: byText(parts.flatMap(({ outcome }) => outcome.profiles)), refused: byText(parts.flatMap(({ outcome }) => outcome.refused)),
});

const together = (outcome: Outcome): [string, string][] => outcome.profiles.flatMap((profile) =>
  profile.subjects.flatMap((a, index) => profile.subjects.slice(index + 1).map((b): [string, string] => [a, b])));
const accountsTogether = (outcome: Outcome) => byText(together(outcome).filter(([a, b]) => isAccount(a) && isAccount(b)));

describe('the partition into people', () => {
  it('is what the plainest reading of the rules says, and the histories here do try every rule', () => {
    const met: Record<string, number> = { merged: 0, 'cannot-link': 0, single: 0, generic: 0, unverified: 0, weak: 0 };
    law(logs, (log) => {
      const outcome = run(log);
      expect(outcome).toEqual(oracle(log));
      const links = log.decisions.flatMap((each) => (each.kind === 'link' ? [each.a, each.b] : []));
      if (together(outcome).some(([a, b]) => !links.includes(a) && !links.includes(b))) met['merged']! += 1;
      for (const reason of new Set(outcome.refused.map((each) => each.reason))) met[reason]! += 1;
    });
    expect(Object.entries(met).filter(([reason, runs]) => runs < (reason === 'merged' ? 300 : 30))).toEqual([]);
  });

  it('and its ids and refusals do not depend on the order or the repetition of what was heard', () =>
    law(fc.tuple(logs, fc.nat(), fc.nat()), ([log, seed, repeated]) => {
      const shuffled = <T>(all: readonly T[]): T[] => shuffle([...all, ...all.filter((_, index) => (repeated >> index % 30) & 1)], seed);
      expect(run({ seen: shuffled(log.seen), evidence: shuffled(log.evidence), decisions: shuffled(log.decisions) })).toEqual(run(log));
    }));

  it('is the same when only what each step touches is resolved again, after every step', () =>
    law(fc.tuple(logs, fc.nat()), ([log, seed]) => {
      const steps: Step[] = shuffle([
        ...log.seen.map((seen) => ({ seen })), ...log.evidence.map((evidence) => ({ evidence })), ...log.decisions.map((decision) => ({ decision })),
      ], seed);
      let known: Known = { log: { seen: [], evidence: [], decisions: [] }, parts: [] };
      for (const [index, step] of steps.entries()) {
        known = hear(known, step);
        if (index % 6 === 0) expect(allOf(known)).toEqual(run(known.log));
      }
      expect(allOf(known)).toEqual(oracle(log));
    }));

  it('after a revocation is that of a history without the evidence', () =>
    law(fc.tuple(logs, fc.nat(29)), ([log, index]) => {
      const picked = log.evidence[index % log.evidence.length]!;
      const carriers = countCarriers(log.evidence);
      const without = log.evidence.filter((each) => each.subject !== picked.subject || each.type !== picked.type || each.value !== picked.value);
      expect(run({ ...log, decisions: [...log.decisions, revoke(picked)] }, carriers)).toEqual(run({ ...log, evidence: without }, carriers));
    }));

  it('never holds two accounts of one source that no person linked, nor two that a person forbade', () =>
    law(logs, (log) => {
      const pairs = together(run(log));
      const linked = closure(log.decisions.flatMap((each): [string, string][] => (each.kind === 'link' ? [[each.a, each.b]] : [])));
      const sameSource = pairs.filter(([a, b]) => isAccount(a) && isAccount(b) && a.split(':')[0] === b.split(':')[0]);
      expect(sameSource.filter(([a, b]) => !linked.some((group) => group.includes(a) && group.includes(b)))).toEqual([]);
      const forbidden = log.decisions.flatMap((each) => (each.kind === 'cannot-link' ? [[each.a, each.b]] : []));
      expect(pairs.filter(([a, b]) => a !== b && forbidden.some((each) => each.includes(a) && each.includes(b) && each[0] !== each[1]))).toEqual([]);
    }));

  it('unites accounts exactly as if nothing unverified had been said', () =>
    law(logs, (log) => {
      const carriers = countCarriers(log.evidence);
      const proven = log.evidence.filter((one) => log.evidence.some((each) =>
        each.verified && each.subject === one.subject && each.type === one.type && each.value === one.value));
      expect(accountsTogether(run(log, carriers))).toEqual(accountsTogether(run({ ...log, evidence: proven }, carriers)));
    }));
});

describe('a component', () => {
  it('holds together all who share a standing identifier, accepted or refused, and nobody else', () =>
    law(logs, (log) => {
      const edges = standingEdges(log).filter(({ type, value }) => type === 'link' || !isGeneric(log, type, value));
      const joined = closure([
        ...log.seen.map(({ subject }): [string, string] => [subject, ownKey(subject)]),
        ...edges.map(({ subject, type, value }): [string, string] => [subject, type === 'link' ? value : `${type}=${value}`]),
      ]).map((group) => group.filter((node) => log.seen.some(({ subject }) => subject === node)).sort());
      expect(byText(components(log).map((each) => each.seen.map(({ subject }) => subject)))).toEqual(byText(joined.filter((group) => group.length > 0)));
    }));
});

describe('evidence', () => {
  it('heard twice, in any order and grouping, is the same evidence', () =>
    law(fc.tuple(evidence, evidence, evidence), ([a, second, third]) => {
      const [b, c] = [{ ...second, ...nameOf(a) }, { ...third, ...nameOf(a) }];
      expect(mergeEvidence(a, b)).toEqual(mergeEvidence(b, a));
      expect(mergeEvidence(mergeEvidence(a, b), c)).toEqual(mergeEvidence(a, mergeEvidence(b, c)));
      expect(mergeEvidence(a, a)).toEqual(a);
    }));
});

/** Groups of whatever a chain of pairs joins, by passing over them until nothing moves. */
function closure(pairs: [string, string][]): string[][] {
  let groups: string[][] = [];
  for (const [a, b] of pairs) {
    const met = groups.filter((group) => group.includes(a) || group.includes(b));
    groups = [...groups.filter((group) => !met.includes(group)), [...new Set([a, b, ...met.flat()])]];
  }
  return groups;
}
