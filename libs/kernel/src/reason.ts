import { HOUR, type Millis } from './clock.js';

/** Why a fact became known. Only `event` and `time` may alarm or send a message. */
export type Reason = 'event' | 'time' | 'late' | 'identity' | 'rule' | 'history';

/** What was accepted longer than this after it became effective corrects the past: it alarms nobody. */
export const LATE_AFTER: Millis = HOUR;

/** The reason of a fact that an observation led to: a function of data, so that it does not depend on when it was heard. */
export function reasonOf(observed: { history: boolean; acceptedAt: Millis }, effectiveAt: Millis): 'event' | 'late' | 'history' {
  if (observed.history) return 'history';
  return observed.acceptedAt - effectiveAt > LATE_AFTER ? 'late' : 'event';
}
