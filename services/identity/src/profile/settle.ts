import type { Millis } from '@yunke/kernel';

import { causeOf, type Cause, type News } from '../observation/observation.js';
import type { Move } from '../partition/partition.js';
import { addsTo, fold, mergeRegisters, type Golden, type Registers } from './golden.js';
import { reasonFor, type Profile } from './profile.js';

/** Where a subject belongs, and since when it is known. */
export type Member = { readonly subject: string; readonly profileId: string; readonly acceptedAt: Millis; readonly firstSeenAt: Millis };

/** Everything that a change may touch, as it is under the locks. `members` are as they were; new ones are alone under their own id. */
export type Held = {
  readonly members: ReadonlyMap<string, Member>;
  readonly profiles: ReadonlyMap<string, Profile>;
  readonly registers: ReadonlyMap<string, Registers>;
};

export type Settled = {
  readonly members: Member[];
  readonly registers: Map<string, Registers>;
  readonly profiles: { readonly profile: Profile; readonly golden: Golden[]; readonly cause: Cause }[];
};

/** What there is after these news and moves: only what is not as it was. `decision` is that of the moves. */
export function settled(held: Held, news: readonly News[], moves: readonly Move[], decision: number): Settled {
  const homes = new Map(moves.flatMap(({ profileId, subjects }) => subjects.map((subject): [string, string] => [subject, profileId])));
  const members = membersAfter(held, news, homes);
  const changed = registersAfter(held, news);
  const registersOf = (subject: string): Registers => changed.get(subject) ?? held.registers.get(subject) ?? {};
  const profiles = moves.map((move): Settled['profiles'][number] => {
    const seen = move.subjects.map((subject) => (members.get(subject) ?? held.members.get(subject)!).firstSeenAt);
    const { profileId, subjects, stale, cause } = move;
    return { cause, golden: fold(subjects.map(registersOf)), profile: { profileId, subjects, stale, decision, version: (held.profiles.get(profileId)?.version ?? 0) + 1,
      firstSeenAt: seen.length > 0 ? Math.min(...seen) : null, acceptedAt: cause.acceptedAt, reason: reasonFor(cause, move.identity) } };
  });
  const unmoved = news.filter((one) => amends(one) && !homes.has(one.told.subject));
  for (const [profileId, about] of Map.groupBy(unmoved, ({ told }) => held.members.get(told.subject)!.profileId)) {
    const before = held.profiles.get(profileId)!;
    const golden = fold(before.subjects.map(registersOf));
    const wasGolden = fold(before.subjects.map((subject) => held.registers.get(subject) ?? {}));
    const amended = amend(before, about, JSON.stringify(golden) !== JSON.stringify(wasGolden));
    if (amended) profiles.push({ ...amended, golden });
  }
  return { members: [...members.values()], registers: changed, profiles };
}

/** Whether the profile may show it though nobody moves. */
export const amends = ({ fillsMore, isSooner }: News): boolean => fillsMore || isSooner;

/** A profile whose members stay: its golden record and since when it is known may change. */
function amend(before: Profile, news: readonly News[], tellsMore: boolean): { profile: Profile; cause: Cause } | undefined {
  const firstSeenAt = Math.min(before.firstSeenAt!, ...news.map(({ told }) => told.firstSeenAt));
  if (firstSeenAt === before.firstSeenAt && !tellsMore) return undefined;
  const cause = news.map((one) => (one.fillsMore ? one.told.fields!.cause : causeOf(one))).reduce((a, b) => (b.place < a.place ? b : a));
  return { cause, profile: { ...before, firstSeenAt, version: before.version + 1, acceptedAt: cause.acceptedAt, reason: reasonFor(cause, false) } };
}

function membersAfter({ members }: Held, news: readonly News[], homes: ReadonlyMap<string, string>): Map<string, Member> {
  const after = new Map<string, Member>();
  for (const [subject, profileId] of homes) {
    const before = members.get(subject)!;
    if (before.profileId !== profileId) after.set(subject, { ...before, profileId });
  }
  for (const { told: { subject, acceptedAt, firstSeenAt } } of news) {
    const before = after.get(subject) ?? members.get(subject)!;
    if (acceptedAt < before.acceptedAt || firstSeenAt < before.firstSeenAt)
      after.set(subject, { ...before, acceptedAt: Math.min(acceptedAt, before.acceptedAt), firstSeenAt: Math.min(firstSeenAt, before.firstSeenAt) });
  }
  return after;
}

function registersAfter({ registers }: Held, news: readonly News[]): Map<string, Registers> {
  const after = new Map<string, Registers>();
  for (const { told: { subject, fields }, fillsMore } of news) {
    if (!fields || !fillsMore) continue; // only of those that fill more were the registers read again
    const before = registers.get(subject) ?? {};
    if (addsTo(before, fields.registers)) after.set(subject, mergeRegisters(before, fields.registers));
  }
  return after;
}
