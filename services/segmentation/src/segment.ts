import { iso, type Millis } from '@yunke/kernel';
import type { ProfileHistory } from './history.js';
import { ALWAYS, NEVER, and, contains, hold, not, or, passed, startOf, without, type Intervals } from './intervals.js';
import { duration, intervalsOf, textOf, valueSeen, type Leaf } from './leaf.js';

/** A tree of leaves. `hold`: true as long as the rule is, and `forMs` longer. */
export type Rule = Leaf | { all: readonly Rule[] } | { any: readonly Rule[] } | { not: Rule } | { hold: Rule; forMs: Millis };

export type Segment = { name: string; rule: Rule };

/** One condition with the value it saw; as in the contract. */
export type ProofLeaf = { leaf: string; holds: boolean; value: string };

/** A segment that holds the profile since an instant of event time. */
export type Held = { segment: string; since: Millis };

/** The segments that hold a profile at an instant, in the order of the rules, and the next instant at which that changes by time alone. */
export type Evaluation = { memberships: Held[]; nextAt: Millis | undefined };

/** A rule whose parts, each made once, are the indices of earlier nodes. `all` keeps what must hold apart from what must not. */
type Node =
  | { op: 'leaf'; leaf: Leaf; text: string }
  | { op: 'all'; of: number[]; but: number[] }
  | { op: 'any'; of: number[] }
  | { op: 'not'; of: number }
  | { op: 'hold'; of: number; forMs: Millis; text: string };

type Plan = { nodes: Node[]; keys: Map<string, number>; roots: number[] };

/** When every part of some rules is true of one history: what `evaluateAt` reads at as many instants as one likes. */
export type Timeline = { segments: readonly Segment[]; history: ProfileHistory; plan: Plan; truth: Intervals[] };

const plans = new WeakMap<readonly Segment[] | Rule, Plan>();

/**
 * Where a profile stands at `at`: a function of the history, the rules and the instant alone.
 * The array of segments is compiled once and remembered by identity: keep it, and never change it in place.
 */
export const evaluate = (segments: readonly Segment[], history: ProfileHistory, at: Millis): Evaluation =>
  evaluateAt(timelineOf(segments, history), at);

export function timelineOf(segments: readonly Segment[], history: ProfileHistory): Timeline {
  const plan = planOf(segments, segments);
  return { segments, history, plan, truth: truthOf(plan, history) };
}

export function evaluateAt(timeline: Timeline, at: Millis): Evaluation {
  const { segments, history: { startedAt }, plan: { roots }, truth } = timeline;
  const memberships: Held[] = [];
  if (startedAt === undefined) return { memberships, nextAt: undefined };
  let nextAt = Infinity;
  for (let k = 0; k < roots.length; k++) {
    const intervals = truth[roots[k]!]!;
    const boundaries = passed(intervals, at < startedAt ? startedAt : at);
    const inside = boundaries % 2 === 1;
    // before the start nothing is true; what is true at the start, also what is true since ever, begins there
    const next = at < startedAt && inside ? startedAt : boundaries < intervals.length ? intervals[boundaries]! : Infinity;
    if (next < nextAt) nextAt = next;
    if (!inside || at < startedAt) continue;
    const since = Math.max(startedAt, intervals[boundaries - 1]!);
    memberships.push({ segment: segments[k]!.name, since });
  }
  return { memberships, nextAt: nextAt === Infinity ? undefined : nextAt };
}

/** Whether a rule is true of a profile at `at`, since when it is or is not, and why: what is said of a change. */
export function proofOf(rule: Rule, history: ProfileHistory, at: Millis): { holds: boolean; since: Millis; proof: ProofLeaf[] } {
  const plan = planOf(rule, [{ rule }]);
  const timeline: Timeline = { segments: [], history, plan, truth: truthOf(plan, history) };
  const intervals = timeline.truth[plan.roots[0]!]!;
  const since = Math.max(history.startedAt ?? -Infinity, startOf(intervals, at));
  return { holds: contains(intervals, at), since, proof: proofAt(timeline, plan.roots[0]!, at) };
}

function planOf(owner: readonly Segment[] | Rule, rules: readonly Pick<Segment, 'rule'>[]): Plan {
  let plan = plans.get(owner);
  if (!plan) {
    plan = { nodes: [], keys: new Map(), roots: [] };
    for (const { rule } of rules) plan.roots.push(place(plan, rule));
    plans.set(owner, plan);
  }
  return plan;
}

/** The index of a rule's node. Equal parts, by their normalised text, share one. */
function place(plan: Plan, rule: Rule): number {
  if ('leaf' in rule) return intern(plan, { op: 'leaf', leaf: rule, text: textOf(rule) }, textOf(rule));
  if ('not' in rule) {
    const of = place(plan, rule.not);
    return intern(plan, { op: 'not', of }, `not ${of}`);
  }
  if ('hold' in rule) {
    const of = place(plan, rule.hold);
    return intern(plan, { op: 'hold', of, forMs: rule.forMs, text: ruleText(rule) }, `hold ${of} ${rule.forMs}`);
  }
  if ('any' in rule) {
    const of = unique(rule.any.map((part) => place(plan, part)));
    return intern(plan, { op: 'any', of }, `any ${of.join()}`);
  }
  const of = unique(rule.all.filter((part) => !('not' in part)).map((part) => place(plan, part)));
  const but = unique(rule.all.flatMap((part) => ('not' in part ? [place(plan, part.not)] : [])));
  return intern(plan, { op: 'all', of, but }, `all ${of.join()} but ${but.join()}`);
}

function intern(plan: Plan, node: Node, key: string): number {
  let index = plan.keys.get(key);
  if (index === undefined) plan.keys.set(key, (index = plan.nodes.push(node) - 1));
  return index;
}

function ruleText(rule: Rule): string {
  if ('leaf' in rule) return textOf(rule);
  if ('not' in rule) return `not (${ruleText(rule.not)})`;
  if ('hold' in rule) return `(${ruleText(rule.hold)}) held ${duration(rule.forMs)}`;
  return 'any' in rule ? `any (${rule.any.map(ruleText).join(', ')})` : `all (${rule.all.map(ruleText).join(', ')})`;
}

const unique = (indices: number[]): number[] => [...new Set(indices)];

/** When each node is true, every one computed once. */
function truthOf({ nodes }: Plan, history: ProfileHistory): Intervals[] {
  const truth: Intervals[] = [];
  for (let k = 0; k < nodes.length; k++) truth.push(truthOfNode(nodes[k]!, truth, history));
  return truth;
}

function truthOfNode(node: Node, truth: readonly Intervals[], history: ProfileHistory): Intervals {
  switch (node.op) {
    case 'leaf': return intervalsOf(node.leaf, history);
    case 'not': return not(truth[node.of]!);
    case 'hold': return hold(truth[node.of]!, node.forMs);
    case 'any': {
      let out = NEVER;
      for (let k = 0; k < node.of.length; k++) out = or(out, truth[node.of[k]!]!);
      return out;
    }
    case 'all': {
      let out = ALWAYS;
      for (let k = 0; k < node.of.length; k++) out = and(out, truth[node.of[k]!]!);
      for (let k = 0; k < node.but.length; k++) out = without(out, truth[node.but[k]!]!);
      return out;
    }
  }
}

/** The fewest leaves that decide a node at an instant, each once: one is enough for an `any` that holds and for an `all` that does not. */
function proofAt(timeline: Timeline, root: number, at: Millis): ProofLeaf[] {
  const proof: ProofLeaf[] = [];
  const known: ProofLeaf[] = []; // by node
  const { plan: { nodes }, truth } = timeline;
  const holds = (index: number): boolean => contains(truth[index]!, at);
  const tell = (index: number): void => {
    const node = nodes[index]!;
    switch (node.op) {
      case 'not': return tell(node.of);
      case 'any': return holds(index) ? tell(node.of.find(holds)!) : node.of.forEach(tell);
      case 'all': {
        const culprit = holds(index) ? undefined : (node.of.find((part) => !holds(part)) ?? node.but.find(holds));
        if (culprit !== undefined) return tell(culprit);
        node.of.forEach(tell);
        return node.but.forEach(tell);
      }
      case 'leaf':
      case 'hold': {
        const seen = (known[index] ??= { leaf: node.text, holds: holds(index), value: seenAt(timeline, node, at) });
        // while the rule under a hold is true it speaks for itself; else what decides is until when it was
        if (!proof.includes(seen) && !(node.op === 'hold' && holds(node.of))) proof.push(seen);
        if (node.op === 'hold') tell(node.of);
      }
    }
  };
  tell(root);
  return proof;
}

function seenAt({ history, truth }: Timeline, node: Extract<Node, { op: 'leaf' | 'hold' }>, at: Millis): string {
  if (node.op === 'leaf') return valueSeen(node.leaf, history, at);
  const until = startOf(truth[node.of]!, at);
  return until === -Infinity ? 'none' : iso(until);
}
