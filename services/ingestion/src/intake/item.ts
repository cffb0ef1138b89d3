import { hash } from 'node:crypto';

import { streamOf, type Messages } from '@yunke/contracts';
import type { Fault, Millis } from '@yunke/kernel';

/** Who is at the door: the source that the write key belongs to, and how far it is believed. */
export type Door = {
  readonly source: string;
  /** Anyone can read a browser key in a page: its identifiers are unverified and its orders are behaviour only. */
  readonly kind: 'server' | 'browser';
  /** The source may send any past time, and nothing it says alarms or sends. */
  readonly history: boolean;
  /** Business time when the request arrived. */
  readonly receivedAt: Millis;
};

export type ObservationType = 'CustomerObserved' | 'BehaviourObserved' | 'CartObserved' | 'OrderObserved' | 'ShipmentObserved' | 'ReturnObserved' | 'StockObserved';

/** An observation as the contract has it, but for what is stamped when it is stored. */
export type Observation = { [T in ObservationType]: { readonly type: T; readonly body: Omit<Messages[T], 'acceptedAt' | keyof Trust> } }[ObservationType];

/**
 * An observation that waits to be stored, in its text, with its readable key. `latest` is the last of its times that may not lie
 * ahead. Without its body, which is dozens of things: all that waits is copied while the memory is tidied.
 */
export type Worded = { readonly type: ObservationType; readonly key: string; readonly occurredAt: string; readonly latest: string; readonly json: string };

/** How far the source is believed: of the source at the time, not of the message, and so no part of what it says. */
export type Trust = { readonly history: boolean; readonly verified: boolean };
export const trustOf = ({ history, kind }: Door): Trust => ({ history, verified: kind === 'server' });

/**
 * One thing that a source sent: what it says, or what is wrong with it. `raw` gives it as it came; the fingerprint, which does not
 * depend on when it came, tells a repeated message from another one under the same id.
 */
export type Item =
  | { readonly messageId: string; readonly raw: () => unknown; readonly fingerprint: string; readonly observations: readonly Worded[] }
  | { readonly messageId: string | undefined; readonly raw: () => unknown; readonly faults: readonly Fault[] };

/** What became of an item, in the answer to the source. */
export type Outcome = { readonly messageId?: string; readonly status: 'accepted' | 'duplicate' | 'quarantined'; readonly code?: string; readonly errors?: readonly Fault[] };

/** Ids as they may stand in URLs, topics and logs; no look-alikes, no controls. */
export const ID = /^[A-Za-z0-9._:-]{1,100}$/;
/** What shops use to name accounts: also e-mail addresses and `auth0|…`. */
export const ACCOUNT = /^[A-Za-z0-9._:@|+=-]{1,100}$/;

export const idFault = (pointer: string): Fault => ({ pointer, code: 'id_invalid', message: 'An id has 1 to 100 characters of A–Z a–z 0–9 . _ : -' });

/** 132 bits of SHA-256 of what an item says, as 22 digits of base64. */
export const fingerprint = (said: string): string => hash('sha256', said, 'base64').slice(0, 22);

/** Times in the future by nature. */
const FORESEEN: ReadonlySet<string> = new Set(['promisedAt', 'expectedAt']);
/** The name of a time that something happened at, which cannot lie ahead. Times have the form of `iso`, whose order is that of texts. */
export const isPast = (name: string): boolean => name.endsWith('At') && !FORESEEN.has(name);

export function worded({ type, body }: Observation, json = JSON.stringify(body)): Worded {
  const fields = body as unknown as Readonly<Record<string, string>>;
  let latest = body.occurredAt;
  for (const name in fields) if (isPast(name) && fields[name]! > latest) latest = fields[name]!;
  return { type, key: fields[streamOf(type).key]!, occurredAt: body.occurredAt, latest, json };
}

export const YEAR: Millis = 365 * 86_400_000;
export const TOMORROW: Millis = 86_400_000;

/** Whether a source may say that something happened at `at`: within a year back and a day ahead; with history, at any past time. */
export const mayHaveHappened = (at: Millis, { receivedAt, history }: Door): boolean => at <= receivedAt + TOMORROW && (history || at >= receivedAt - YEAR);
