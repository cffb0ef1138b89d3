import { HOUR, type Millis } from '@yunke/kernel';

import { consentOf, type PersonFields } from '../person/person.js';
import { quietUntil } from '../person/quiet-hours.js';
import type { Channel, MessageClass } from '../rule/rule.js';
import { capFreeAt, type Policy } from './policy.js';

/** How long a message waits for its person to become known, or for an address. */
export const PATIENCE: Millis = HOUR;

/** All that the arbiter looks at. */
export type Candidate = {
  readonly class: MessageClass; readonly channel: Channel;
  readonly wantedAt: Millis; readonly expiresAt: Millis;
  /** Whom it is about; undefined: not known yet, or nobody (staff). */
  readonly person: PersonFields | undefined;
  /** Whether it is about a person at all. */
  readonly isAboutSomebody: boolean;
  /** The address that it would go to, or, for a webhook about somebody, that person's; undefined: none is known. */
  readonly contact: { readonly suppressed: string | undefined; readonly unsubscribed: boolean } | undefined;
  /** Undefined unless it goes to a webhook endpoint. */
  readonly endpoint: 'open' | 'closed' | undefined;
  /** When messages of this class went to this address, or may have, as far back as the longest cap looks. */
  readonly sent: readonly Millis[];
  /** The zone of the person's wall clock. */
  readonly zone: string;
};

/** `why` is a code; `seen` are the values that decided. */
export type Decision =
  | { readonly kind: 'send' }
  | { readonly kind: 'delay'; readonly until: Millis; readonly why: string; readonly seen: Seen }
  | { readonly kind: 'drop'; readonly why: string; readonly seen: Seen };

type Seen = Readonly<Record<string, string | number | boolean>>;

/**
 * Whether a message may be sent now. In this order: expiry, a person and an address to reach, suppression, consent, caps, quiet
 * hours. Only marketing needs consent and knows caps and quiet hours; nothing else gets past suppression either.
 */
export function decide(candidate: Candidate, policy: Policy, now: Millis): Decision {
  const { expiresAt, contact, endpoint } = candidate;
  if (expiresAt <= now) return drop('expired', { expiresAt });
  if (endpoint === 'closed') return drop('endpoint.closed');
  const missing = whatIsMissing(candidate);
  if (missing) return patiently(candidate, missing, now);
  if (contact?.suppressed !== undefined && candidate.channel === 'email') return drop('contact.suppressed', { because: contact.suppressed });
  if (candidate.class !== 'marketing') return { kind: 'send' };
  return decideMarketing(candidate, policy, now);
}

function decideMarketing(candidate: Candidate, policy: Policy, now: Millis): Decision {
  const { person, contact, sent, zone, expiresAt, channel } = candidate;
  const consent = consentOf(person ?? {});
  if (consent !== 'given') return drop(consent === 'refused' ? 'consent.refused' : 'consent.missing', { consent });
  if (contact?.unsubscribed) return drop('contact.unsubscribed');
  if (channel === 'webhook') return { kind: 'send' }; // a machine has no night, and its receiver no letter box
  const free = capFreeAt(policy.caps, sent, now);
  if (free > now) return free < expiresAt ? delay(free, 'cap.full', { sent: sent.length }) : drop('cap.full', { sent: sent.length, freeAt: free });
  const quiet = policy.quietHours === null ? undefined : quietUntil(now, policy.quietHours, zone);
  if (quiet !== undefined) return quiet < expiresAt ? delay(quiet, 'quiet.hours', { zone }) : drop('quiet.hours', { zone, until: quiet });
  return { kind: 'send' };
}

function whatIsMissing({ isAboutSomebody, person, contact, channel, class: of }: Candidate): string | undefined {
  if (isAboutSomebody && person === undefined && (channel === 'email' || of === 'marketing')) return 'profile.unknown';
  return channel === 'email' && contact === undefined ? 'contact.unknown' : undefined;
}

/** What is not known may become known: until patience ends. Staff without an address have none to come. */
function patiently({ wantedAt, expiresAt, isAboutSomebody }: Candidate, why: string, now: Millis): Decision {
  const until = Math.min(wantedAt + PATIENCE, expiresAt - 1);
  return isAboutSomebody && until > now ? delay(until, why) : drop(why);
}

const delay = (until: Millis, why: string, seen: Seen = {}): Decision => ({ kind: 'delay', until, why, seen });
const drop = (why: string, seen: Seen = {}): Decision => ({ kind: 'drop', why, seen });
