import { HOUR, type Millis } from '@yunke/kernel';

import type { Channel, MessageClass } from '../rule/rule.js';

/**
 * What came of one call of a provider. `accepted`: it has the message. `refused`: never. `busy`: certainly not taken, later perhaps.
 * `unclear`: nobody knows whether it was taken.
 */
export type Result =
  | { readonly kind: 'accepted'; readonly why: string; readonly providerId?: string }
  | { readonly kind: 'refused'; readonly why: string; readonly isDead?: boolean }
  | { readonly kind: 'busy'; readonly why: string; readonly afterMs?: Millis }
  | { readonly kind: 'unclear'; readonly why: string; readonly afterMs?: Millis };

/** A message whose provider was called. `attempts` counts this call; `wasUnclear`: an earlier one may have been taken. */
export type Called = { readonly class: MessageClass; readonly channel: Channel; readonly attempts: number; readonly wasUnclear: boolean; readonly expiresAt: Millis };

export type Next =
  | { readonly state: 'sent' | 'failed' | 'unknown'; readonly why: string }
  | { readonly state: 'waiting'; readonly dueAt: Millis; readonly why: string };

const S = 1_000, M = 60 * S;

/** When to try again, by the number of calls so far. Webhooks: the schedule of Standard Webhooks 1.0. */
export const SCHEDULE: Readonly<Record<Channel, readonly Millis[]>> = {
  email: [30 * S, 2 * M, 10 * M, 30 * M, HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR, 24 * HOUR],
  webhook: [5 * S, 5 * M, 30 * M, 2 * HOUR, 5 * HOUR, 10 * HOUR, 14 * HOUR, 20 * HOUR, 24 * HOUR],
};

/**
 * What follows from a result. Marketing goes out at most once: an unclear result ends it. Everything else goes out at least once:
 * it is tried again on schedule until it expires. `jitter` ∈ [0, 1) lengthens the pause by up to a tenth.
 */
export function afterCall(called: Called, result: Result, now: Millis, jitter: number): Next {
  if (result.kind === 'accepted') return { state: 'sent', why: result.why };
  if (result.kind === 'refused') return { state: called.wasUnclear ? 'unknown' : 'failed', why: result.why };
  if (result.kind === 'unclear' && called.class === 'marketing') return { state: 'unknown', why: result.why };
  const pause = SCHEDULE[called.channel][called.attempts - 1];
  const wait = result.kind === 'busy' ? Math.max(pause ?? 0, result.afterMs ?? 0) : (result.afterMs ?? pause);
  const dueAt = now + Math.ceil((wait ?? 0) * (1 + jitter / 10));
  if (pause === undefined || dueAt >= called.expiresAt) return { state: called.wasUnclear || result.kind === 'unclear' ? 'unknown' : 'failed', why: result.why };
  return { state: 'waiting', dueAt, why: result.why };
}

/** Our process died between the call and its result, or before the call: nobody knows. Its lease was pause enough; the provider is not at fault. */
export const LOST: Result = { kind: 'unclear', why: 'call.unfinished', afterMs: 0 };

/** A number in [0, 1) from an id and a count: the same for the same call, spread over calls. */
export const jitterOf = (id: string, attempts: number): number => ((Number.parseInt(id.slice(0, 8), 16) * 31 + attempts * 7_919) % 1_000) / 1_000;
