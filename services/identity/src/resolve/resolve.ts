import { compareText, compareVersions, type Version } from '@yunke/kernel';
import { gather, type Component, type Seen } from './resolve.component.js';
import { identifierKey, ownIdentifier, ruleOf, slotOf, subjectKind, type Identifier } from './identifier.js';

/** Above so many nodes (subjects and identifiers) a component keeps its last partition: something is wrong with its evidence. */
export const LARGEST_COMPONENT = 5_000;

/** The subjects that are one person. `oldest` was accepted first, and the profile shows its id. `firstSeenAt` in milliseconds. */
export type Profile = { oldest: string; subjects: string[]; firstSeenAt: number };

/** Evidence, or a person's link (type `link`, value the other subject), that unites nothing, and why. */
export type Refused = { subject: string; type: string; value: string; reason: 'generic' | 'cannot-link' | 'single' | 'unverified' | 'weak' };

/** Two groups of subjects became one because of this identifier; `a` and `b` were their oldest members. */
export type United = { a: string; b: string; type: string; value: string };

export type Resolution =
  | { stale: false; profiles: Profile[]; united: United[]; refused: Refused[] }
  | { stale: true; nodes: number };

type Edge = { subject: string; type: string; value: string; to: string; verified: boolean; priority: number; version: Version };
type Cluster = { nodes: string[]; seen: Seen[]; oldest?: Seen; slots: Set<string>; foes: Set<string>; hasAccount: boolean };
type Clusters = Map<string, Cluster>;
type Place = Identifier & { subject: string };

/**
 * The partition of one component into people. Edges unite greedily, the strongest first; one that would break a rule is
 * skipped, with the first rule that it breaks. The result depends on the component's content alone: not on the order of its
 * lists, and not on anything outside it. Profiles and refusals come sorted, `united` in the order of uniting.
 *
 * A person's link comes before all evidence and may join two accounts of one source; only a cannot-link stands above it.
 */
export function resolve(component: Component): Resolution {
  const clusters = apart(component);
  if (clusters.size > LARGEST_COMPONENT) return { stale: true, nodes: clusters.size };
  const united: United[] = [];
  const refused = component.generic.map((evidence) => refusal(evidence, 'generic'));
  for (const edge of edgesOf(component)) {
    const [left, right] = [clusters.get(edge.subject)!, clusters.get(edge.to)!];
    if (left === right) continue;
    const reason = objection(edge, left, right, clusters);
    if (reason) refused.push(refusal(edge, reason));
    else {
      if (left.oldest && right.oldest) united.push({ a: left.oldest.subject, b: right.oldest.subject, type: edge.type, value: edge.value });
      unite(left, right, clusters);
    }
  }
  return { stale: false, profiles: profilesOf(clusters), united, refused: refused.sort(byPlace) };
}

/** Every subject alone with its own key, and every other identifier alone. */
function apart({ seen, evidence, cannotLinks }: Component): Clusters {
  const clusters: Clusters = new Map();
  for (const each of seen) {
    const own = ownIdentifier(each.subject);
    const nodes = own ? [each.subject, identifierKey(own)] : [each.subject];
    const hasAccount = subjectKind(each.subject) === 'account';
    const cluster: Cluster = { nodes, seen: [each], oldest: each, slots: slotsOf(own), foes: new Set(), hasAccount };
    for (const node of nodes) clusters.set(node, cluster);
  }
  for (const identifier of evidence) {
    const node = identifierKey(identifier);
    if (!clusters.has(node)) clusters.set(node, { nodes: [node], seen: [], slots: slotsOf(identifier), foes: new Set(), hasAccount: false });
  }
  for (const { a, b } of cannotLinks) {
    clusters.get(a)!.foes.add(b);
    clusters.get(b)!.foes.add(a);
  }
  return clusters;
}

function slotsOf(identifier: Identifier | undefined): Set<string> {
  const slot = identifier && slotOf(identifier);
  return new Set(slot === undefined ? [] : [slot]);
}

/**
 * Links, then what may unite accounts, then the rest; in each by rule, strength and the total order.
 * What is unverified or weak waits for all that is not, whatever its rule: else a browser that ties a guest's order to its
 * own account by that guest's phone would keep the guest's verified e-mail from its owner, or unite the two accounts.
 */
function edgesOf({ links, evidence }: Component): Edge[] {
  const decided = links.map(({ a, b, version }) => ({ subject: a, type: 'link', value: b, to: b, verified: true, priority: -1, version }));
  const carried = evidence.map((each) => ({ ...each, to: identifierKey(each), priority: ruleOf(each.type).priority }));
  return [...decided, ...carried].sort((x, y) =>
    Number(unitesAccounts(y)) - Number(unitesAccounts(x)) || x.priority - y.priority || Number(y.verified) - Number(x.verified)
    || compareVersions(x.version, y.version) || byPlace(x, y));
}

const unitesAccounts = ({ verified, type }: Edge): boolean => verified && !ruleOf(type).weak;

/** The first rule that one cluster of these two would break. */
function objection(edge: Edge, left: Cluster, right: Cluster, clusters: Clusters): Refused['reason'] | undefined {
  const [fewer, other] = left.foes.size < right.foes.size ? [left, right] : [right, left];
  if (some(fewer.foes, (foe) => clusters.get(foe) === other)) return 'cannot-link';
  if (edge.type === 'link') return undefined;
  // An identifier is in one cluster only, so a slot that both have filled holds two different values.
  if (some(left.slots, (slot) => right.slots.has(slot))) return 'single';
  if (left.hasAccount && right.hasAccount && !unitesAccounts(edge)) return edge.verified ? 'weak' : 'unverified';
  return undefined;
}

function unite(left: Cluster, right: Cluster, clusters: Clusters): void {
  const { kept, gone } = gather(clusters, left, right);
  for (const seen of gone.seen) kept.seen.push(seen);
  for (const slot of gone.slots) kept.slots.add(slot);
  for (const foe of gone.foes) kept.foes.add(foe);
  kept.hasAccount ||= gone.hasAccount;
  kept.oldest = kept.oldest && gone.oldest ? older(kept.oldest, gone.oldest) : kept.oldest ?? gone.oldest;
}

function profilesOf(clusters: Clusters): Profile[] {
  const profiles: Profile[] = [];
  for (const { seen, oldest } of new Set(clusters.values())) {
    if (!oldest) continue;
    const subjects = seen.map(({ subject }) => subject).sort(compareText);
    profiles.push({ oldest: oldest.subject, subjects, firstSeenAt: Math.min(...seen.map(({ firstSeenAt }) => firstSeenAt)) });
  }
  return profiles.sort((a, b) => compareText(a.oldest, b.oldest));
}

const older = (a: Seen, b: Seen): Seen => ((a.acceptedAt - b.acceptedAt || compareText(a.subject, b.subject)) <= 0 ? a : b);

const refusal = ({ subject, type, value }: Place, reason: Refused['reason']): Refused => ({ subject, type, value, reason });

const byPlace = (a: Place, b: Place): number =>
  compareText(a.subject, b.subject) || compareText(a.type, b.type) || compareText(a.value, b.value);

function some<T>(all: Iterable<T>, holds: (each: T) => boolean): boolean {
  for (const each of all) if (holds(each)) return true;
  return false;
}
