import type { Fact, GoldenValue, ProfileRecorded } from '@yunke/contracts';
import { iso, reasonOf, type Millis } from '@yunke/kernel';

import type { Cause } from '../observation/observation.js';
import type { Happening } from '../partition/partition.js';
import type { Golden } from './golden.js';

/** A profile as it was last said. Without subjects it was merged away. */
export type Profile = {
  readonly profileId: string;
  /** Grows with every record and is never reset. */
  readonly version: number;
  /** The decision that made this list of subjects. */
  readonly decision: number;
  readonly subjects: readonly string[];
  readonly firstSeenAt: Millis | null;
  /** The component is too large to resolve: the list is the last one that was. */
  readonly stale: boolean;
  readonly acceptedAt: Millis;
  readonly reason: ProfileRecorded['reason'];
};

/** A fact and the id of what led to it. */
export type Caused = Fact & { readonly cause: string; readonly traceparent?: string };

const caused = (fact: Fact, { id, traceparent }: Pick<Cause, 'id' | 'traceparent'>): Caused => ({ ...fact, cause: id, ...(traceparent && { traceparent }) });

/** Why a record of a profile is said: `identity` when others' evidence moved somebody who was known. */
export const reasonFor = (cause: Cause, identity: boolean): Profile['reason'] => (cause.history ? 'history' : identity ? 'identity' : reasonOf(cause, cause.occurredAt));

/** The record of a profile as the state topic has it. */
export function recorded({ profileId, version, decision, subjects, firstSeenAt, stale, acceptedAt, reason }: Profile, golden: readonly Golden[], cause: Pick<Cause, 'id' | 'traceparent'>): Caused {
  const body: ProfileRecorded = {
    profileId, version: String(version), decision: String(decision), subjects: [...subjects], ...(firstSeenAt !== null && { firstSeenAt: iso(firstSeenAt) }),
    golden: showAll(golden), acceptedAt: iso(acceptedAt), stale, reason,
  };
  return caused({ type: 'ProfileRecorded', body }, cause);
}

/** A golden record as contracts show it. Most of its values were told at once. */
export function showAll(golden: readonly Golden[]): GoldenValue[] {
  const texts = new Map<Millis, string>();
  return golden.map(({ field, value, source, occurredAt }) => {
    const text = texts.get(occurredAt) ?? iso(occurredAt);
    texts.set(occurredAt, text);
    return { field, value, source, occurredAt: text };
  });
}

/** What happened to a profile. */
export function happened({ kind, profileId, ids, subjects, why: { because }, cause }: Happening, decision: number): Caused {
  const about = { profileId, decision: String(decision), subjects: [...subjects], acceptedAt: iso(cause.acceptedAt), cause: cause.id };
  switch (kind) {
    case 'created': return caused({ type: 'ProfileCreated', body: about }, cause);
    case 'merged': return caused({ type: 'ProfilesMerged', body: { ...about, mergedIds: [...ids], because } }, cause);
    case 'split': return caused({ type: 'ProfileSplit', body: { ...about, splitIds: [...ids], because } }, cause);
  }
}
