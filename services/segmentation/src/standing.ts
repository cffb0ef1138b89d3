import type { Messages } from '@yunke/contracts';
import { iso, type Millis, type Reason } from '@yunke/kernel';

import { advance, diff, type Changes, type Standing } from './changes.js';
import type { ProfileHistory } from './history.js';
import { evaluate, proofOf, type Segment } from './segment.js';

/** A profile as segmentation keeps it. `evaluatedAt` is the instant up to which `standing` speaks; undefined: never evaluated. */
export type Profile = {
  readonly id: string;
  /** How many changes were said of it, and how many states. */
  readonly seq: number;
  readonly version: number;
  readonly ruleVersion: number;
  readonly evaluatedAt: Millis | undefined;
  readonly standing: Standing;
  /** From the profiles topic: the record's version, and when the person was first seen. */
  readonly profileVersion: number;
  readonly firstSeenAt: Millis | undefined;
  /** When its timer is due; never later than `standing.nextAt`. */
  readonly timerAt: Millis | undefined;
};

export const unknownProfile = (id: string): Profile => ({
  id, seq: 0, version: 0, ruleVersion: 0, evaluatedAt: undefined, standing: { memberships: [], nextAt: undefined }, profileVersion: 0, firstSeenAt: undefined, timerAt: undefined,
});

/** The segments in force. */
export type Rules = { readonly version: number; readonly segments: readonly Segment[]; readonly byName: ReadonlyMap<string, Segment> };

/** What moves a profile: an event, a timer, a walk. `at` is the instant to evaluate at, `cause` the id that facts derive theirs from. */
export type Because = { readonly at: Millis; readonly acceptedAt: Millis; readonly reason: Reason; readonly cause: string };

/** One change as it is said and kept. */
export type Change = { readonly entered: boolean; readonly segment: string; readonly since: Millis; readonly body: Messages['SegmentEntered']; readonly cause: string };

/**
 * Moves a profile on: first what time alone changed up to `because.at` by what was known, each at its instant; then what the
 * event changed. `before` and `after` are its history without and with the event.
 */
export function step(profile: Profile, histories: { before: ProfileHistory; after: ProfileHistory }, rules: Rules, because: Because): { profile: Profile; changes: Change[] } {
  const at = Math.max(because.at, profile.evaluatedAt ?? -Infinity);
  const changes: Change[] = [];
  let now = profile;
  if (profile.evaluatedAt !== undefined && profile.ruleVersion < rules.version) now = say(now, changes, { ...because, reason: 'rule', at: profile.evaluatedAt }, { rules, history: histories.before });
  const { transitions, standing } = advance(rules.segments, histories.before, now.standing, at);
  for (const transition of transitions) {
    now = record(now, transition, changes, { rules, history: histories.before, because: { at: transition.at, acceptedAt: transition.at, reason: 'time', cause: `timer:standing:${profile.id}:${transition.at}` } });
  }
  now = { ...now, standing };
  return { profile: { ...say(now, changes, { ...because, at }, { rules, history: histories.after }), evaluatedAt: at, ruleVersion: rules.version }, changes };
}

function say(profile: Profile, changes: Change[], because: Because, { rules, history }: { rules: Rules; history: ProfileHistory }): Profile {
  const evaluation = evaluate(rules.segments, history, because.at);
  const moved = record(profile, diff(profile.standing.memberships, evaluation.memberships), changes, { rules, history, because });
  return { ...moved, standing: evaluation };
}

function record(profile: Profile, { entered, left }: Changes, changes: Change[], { rules, history, because }: { rules: Rules; history: ProfileHistory; because: Because }): Profile {
  let { seq } = profile;
  for (const [held, isEntered] of [...left.map((one) => [one, false] as const), ...entered.map((one) => [one, true] as const)]) {
    seq += 1;
    const rule = rules.byName.get(held.segment)?.rule; // none: a rule that is no longer in force
    const why = rule && proofOf(rule, history, because.at);
    const effectiveAt = why && Number.isFinite(why.since) ? why.since : because.at;
    const body = { profileId: profile.id, segment: held.segment, seq: String(seq), effectiveAt: iso(effectiveAt), acceptedAt: iso(because.acceptedAt), reason: because.reason, cause: because.cause, ruleVersion: String(rules.version), proof: why?.proof ?? [] };
    changes.push({ entered: isEntered, segment: held.segment, since: held.since, body, cause: because.cause });
  }
  return { ...profile, seq };
}
