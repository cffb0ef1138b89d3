import type { BehaviourObserved, CartObserved, CustomerObserved, Identifier, OrderObserved, ReturnObserved, ShipmentObserved } from '@yunke/contracts';
import { millis, type Millis, type Version } from '@yunke/kernel';

import { addsTo, mergeRegisters, registersOf, type Registers } from '../profile/golden.js';
import { identifierKey, normalise, ownIdentifier, subjectKind, type RefusedValue } from '../resolve/identifier.js';
import { mergeEvidence, type Evidence } from '../resolve/resolve.component.js';

/** What leads to a fact: an observation, at its place in the chunk, or what a person decided. */
export type Cause = {
  readonly id: string; readonly traceparent?: string | undefined;
  readonly place: number; readonly acceptedAt: Millis; readonly occurredAt: Millis; readonly history: boolean;
};

type Bodies = {
  CustomerObserved: CustomerObserved; BehaviourObserved: BehaviourObserved; CartObserved: CartObserved;
  OrderObserved: OrderObserved; ShipmentObserved: ShipmentObserved; ReturnObserved: ReturnObserved;
};
export type Observation = {
  [T in keyof Bodies]: { readonly type: T; readonly body: Bodies[T]; readonly id: string; readonly acceptedAt: Millis; readonly traceparent?: string | undefined };
}[keyof Bodies];

/** Evidence, and the first observation of the chunk that said it. */
export type Carried = Evidence & { readonly cause: Cause };

/** All that a chunk tells of one subject. */
export type Told = {
  readonly subject: string; readonly acceptedAt: Millis; readonly firstSeenAt: Millis;
  /** The first observation of it. */
  readonly cause: Cause;
  readonly evidence: readonly Carried[];
  /** The fields it fills, and the last observation that did. */
  readonly fields?: { readonly registers: Registers; readonly cause: Cause };
};

/** What of a subject was not known. `evidence` is merged with what was; `added` of it are pairs never heard. */
export type News = {
  readonly told: Told;
  readonly isNew: boolean;
  /** It was accepted, or seen, earlier than we knew. */
  readonly isOlder: boolean;
  readonly isSooner: boolean;
  readonly evidence: readonly Carried[];
  readonly added: readonly Carried[];
  readonly fillsMore: boolean;
};

/** Whether it may move somebody: it is decided under the lock. */
export const touchesGraph = ({ isNew, isOlder, evidence }: News): boolean => isNew || isOlder || evidence.length > 0;

/** The observation that brought what touches the graph. */
export const causeOf = ({ told, isNew, isOlder, evidence }: News): Cause =>
  (isNew || isOlder || evidence.length === 0 ? told.cause : evidence.map(({ cause }) => cause).reduce((a, b) => (b.place < a.place ? b : a)));

export type Folded = { readonly told: Told[]; readonly refused: ReadonlyMap<RefusedValue, number> };

type Folding = { -readonly [F in keyof Told]: Told[F] } & { evidence: Carried[]; own: string | undefined };

/**
 * What a chunk tells, one row a subject, in the order in which they are first named. An observation that names nobody tells
 * nothing; an identifier that must never link is counted by its reason. @throws subject.malformed
 */
export function fold(observations: readonly Observation[]): Folded {
  const subjects = new Map<string, Folding>();
  const pairs = new Map<string, Carried>();
  const refused = new Map<RefusedValue, number>();
  for (const [place, { type, body, id, acceptedAt, traceparent }] of observations.entries()) {
    if (type === 'ShipmentObserved' || !body.subject) continue;
    const occurredAt = millis(body.occurredAt);
    const cause: Cause = { id, traceparent, place, acceptedAt, occurredAt, history: body.history };
    const told = toldOf(subjects, body.subject, cause);
    told.acceptedAt = Math.min(told.acceptedAt, acceptedAt);
    told.firstSeenAt = Math.min(told.firstSeenAt, occurredAt);
    const version: Version = [occurredAt, acceptedAt, body.messageId];
    for (const said of identifiersOf(body)) {
      const identifier = normalise(said, body.source);
      if ('refused' in identifier) refused.set(identifier.refused, (refused.get(identifier.refused) ?? 0) + 1);
      else carry(told, { subject: told.subject, type: identifier.type, value: identifier.value, version, verified: body.verified, cause }, pairs);
    }
    const registers = type === 'CustomerObserved' ? registersOf({ ...body, version }) : type === 'OrderObserved' ? contactOf(body, acceptedAt) : undefined;
    if (registers) told.fields = fill(told.fields, registers, cause);
  }
  return { told: [...subjects.values()], refused };
}

function toldOf(subjects: Map<string, Folding>, subject: string, cause: Cause): Folding {
  const known = subjects.get(subject);
  if (known) return known;
  const own = ownIdentifier(subject);
  const { acceptedAt, occurredAt: firstSeenAt } = cause;
  const told: Folding = { subject, acceptedAt, firstSeenAt, cause, evidence: [], own: own && identifierKey(own) };
  subjects.set(subject, told);
  return told;
}

/** A subject that repeats its own key says nothing by that. */
function carry(told: Folding, carried: Carried, pairs: Map<string, Carried>): void {
  const key = identifierKey(carried);
  if (key === told.own) return;
  const before = pairs.get(`${told.subject}\n${key}`);
  if (before) return void Object.assign(before, mergeEvidence(before, carried));
  pairs.set(`${told.subject}\n${key}`, carried);
  told.evidence.push(carried);
}

function fill(before: Told['fields'], registers: Registers, cause: Cause): Told['fields'] {
  if (!before) return { registers, cause };
  return addsTo(before.registers, registers) ? { registers: mergeRegisters(before.registers, registers), cause } : before;
}

function identifiersOf(body: { identifiers: readonly Identifier[]; email?: string; phone?: string }): readonly Identifier[] {
  if (!body.email && !body.phone) return body.identifiers;
  return [
    ...body.identifiers,
    ...(body.email ? [{ type: 'email', value: body.email }] : []),
    ...(body.phone ? [{ type: 'phone', value: body.phone }] : []),
  ];
}

/**
 * The contact of an order without an account is all that we know of its guest. It is as old as the order, however often the
 * order is shown. What an account's order says may be a recipient's: it fills nothing.
 */
function contactOf(body: OrderObserved, acceptedAt: Millis): Registers | undefined {
  if (subjectKind(body.subject) !== 'order-contact') return undefined;
  const { subject, verified, email, phone, country } = body;
  const version: Version = [millis(body.placedAt ?? body.occurredAt), acceptedAt, body.messageId];
  return registersOf({ subject, verified, version, ...(email && { email }), ...(phone && { phone }), ...(country && { country }) });
}
