import type { Millis } from '@yunke/kernel';
import type { ProfileHistory } from './history.js';
import { evaluateAt, timelineOf, type Held, type Segment } from './segment.js';

/** The segments that were entered and left. Another `since` of a segment that holds before and after is state, and is not said. */
export type Changes = { entered: Held[]; left: Held[] };

/** What time alone changed, at its exact instant. */
export type Transition = Changes & { at: Millis };

/** Where a profile stood when it was last evaluated, as stored. */
export type Standing = { memberships: readonly Held[]; nextAt: Millis | undefined };
export type Advanced = { transitions: Transition[]; standing: Standing };

export function diff(before: readonly Held[], after: readonly Held[]): Changes {
  const was = new Set(before.map((held) => held.segment));
  const is = new Set(after.map((held) => held.segment));
  return { entered: after.filter((held) => !was.has(held.segment)), left: before.filter((held) => !is.has(held.segment)) };
}

/**
 * Everything that time alone changed since a profile was evaluated, up to and including `to`, at its instants and in their order, and
 * where the profile then stands. `history` is the one of that evaluation: a caller first advances to an event's instant, then applies
 * the event. Advancing in one step or in many gives the same. An instant before `nextAt` changes nothing.
 */
export function advance(segments: readonly Segment[], history: ProfileHistory, standing: Standing, to: Millis): Advanced {
  const transitions: Transition[] = [];
  if (standing.nextAt === undefined || standing.nextAt > to) return { transitions, standing };
  const timeline = timelineOf(segments, history);
  let now = standing;
  while (now.nextAt !== undefined && now.nextAt <= to) {
    const at = now.nextAt;
    const then = evaluateAt(timeline, at);
    transitions.push({ at, ...diff(now.memberships, then.memberships) });
    now = then;
  }
  return { transitions, standing: now };
}
