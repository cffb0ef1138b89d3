import type { Fact } from '@yunke/contracts';
import { iso, type Millis } from '@yunke/kernel';

import type { Wish } from '../rule/rule.js';
import type { Decision } from './arbiter.js';
import type { Next } from './attempt.js';

/** The four ways in which an intent ends; it ends once. */
export const OUTCOMES = ['sent', 'dropped', 'failed', 'unknown'] as const;
export type Outcome = (typeof OUTCOMES)[number];
export type State = 'ready' | 'waiting' | 'calling' | Outcome;
export const STATES: readonly State[] = ['ready', 'waiting', 'calling', ...OUTCOMES];

/** A message that is wanted, on its way to its outcome. `why`: for what it waits, or why it ended so. */
export type Intent = Wish & {
  readonly state: State; readonly why: string | null; readonly seen: object | null; readonly wantedAt: Millis; readonly dueAt: Millis | null;
  readonly attempts: number; readonly wasUnclear: boolean; readonly calledAt: Millis | null; readonly endedAt: Millis | null;
  /** Decided with the call: whom it goes to and in which form. */
  readonly contactId: string | null; readonly address: string | null; readonly language: string | null; readonly templateVersion: number | null;
  readonly providerId: string | null; readonly bounced: string | null;
};

export const isOver = ({ state }: { readonly state: State }): boolean => (OUTCOMES as readonly State[]).includes(state);

/** The intent after the arbiter's word. What was called before and is not called again did not simply drop. */
export function afterDecision(intent: Intent, decision: Decision, now: Millis): Intent {
  switch (decision.kind) {
    case 'send': return { ...intent, state: 'calling', why: null, seen: null, dueAt: null, attempts: intent.attempts + 1, calledAt: now };
    case 'delay': return { ...intent, state: 'waiting', why: decision.why, seen: decision.seen, dueAt: decision.until };
    case 'drop': return { ...intent, state: intent.attempts === 0 ? 'dropped' : intent.wasUnclear ? 'unknown' : 'failed', why: decision.why, seen: decision.seen, dueAt: null, endedAt: now };
  }
}

/** The intent after a call. */
export function afterResult(intent: Intent, next: Next, wasUnclear: boolean, now: Millis): Intent {
  const after = { ...intent, why: next.why, wasUnclear: intent.wasUnclear || wasUnclear };
  return next.state === 'waiting' ? { ...after, state: 'waiting', dueAt: next.dueAt } : { ...after, state: next.state, endedAt: now };
}

const FACTS = { sent: 'MessageSent', dropped: 'MessageDropped', failed: 'MessageFailed', unknown: 'MessageUnconfirmed' } as const satisfies Record<Outcome, string>;

/** The outcome of an intent that is over, as a fact. */
export function outcomeOf(intent: Intent): Fact {
  const { id, reason, factId, fact, rule, ruleVersion, class: of, channel, profileId, attempts, why, endedAt, providerId, state } = intent;
  const at = iso(endedAt!);
  const body = { intentId: id, effectiveAt: at, acceptedAt: at, reason, cause: factId, fact, rule, ruleVersion: String(ruleVersion), class: of, channel, ...(profileId !== undefined && { profileId }), attempts, why: why! };
  return { type: FACTS[state as Outcome], body: state === 'sent' && providerId !== null ? { ...body, providerId } : body } as Fact;
}
