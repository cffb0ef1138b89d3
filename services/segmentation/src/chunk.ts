import { fold, type Entry, type ProfileHistory } from './history.js';
import type { Held } from './segment.js';
import { step, type Because, type Change, type Profile, type Rules } from './standing.js';

/** What one transaction has loaded and locked, and what becomes of it, event by event. */
export class Chunk {
  readonly #changes = new Map<string, Change[]>();
  readonly #was: ReadonlyMap<string, Profile>;
  readonly #folded = new Map<string, ProfileHistory>();
  readonly #touchedSubjects = new Set<string>();

  constructor(
    private readonly rules: Rules,
    private readonly profiles: Map<string, Profile>,
    private readonly known: { readonly members: Map<string, string[]>; readonly entries: Map<string, readonly Entry[]> },
  ) {
    this.#was = new Map(profiles);
  }

  entriesOf(subject: string): readonly Entry[] {
    return this.known.entries.get(subject) ?? [];
  }

  setEntries(subject: string, entries: readonly Entry[]): void {
    this.known.entries.set(subject, entries);
    this.#touchedSubjects.add(subject);
  }

  profile(id: string): Profile {
    return this.profiles.get(id)!;
  }

  setProfile(profile: Profile): void {
    this.profiles.set(profile.id, profile);
  }

  /** Moves a subject from its profile to another. */
  move(subject: string, from: string | null, to: string): void {
    if (from !== null) this.known.members.set(from, this.known.members.get(from)!.filter((member) => member !== subject));
    this.known.members.set(to, [...this.known.members.get(to)!, subject]);
  }

  /** Lets an event change what these profiles are made of, and moves each of them on. */
  react(profileIds: Iterable<string>, change: () => void, because: (profile: Profile) => Because): void {
    const before = [...profileIds].map((id) => ({ id, history: this.#folded.get(id) ?? this.#fold(id) }));
    change();
    for (const { id, history } of before) {
      const after = this.#fold(id);
      const result = step(this.profile(id), { before: history, after }, this.rules, because(this.profile(id)));
      this.profiles.set(id, result.profile);
      this.#folded.set(id, after);
      if (result.changes.length > 0) this.#changes.set(id, [...(this.#changes.get(id) ?? []), ...result.changes]);
    }
  }

  /** The histories that changed. */
  changedEntries(): Map<string, readonly Entry[]> {
    return new Map([...this.#touchedSubjects].map((subject) => [subject, this.entriesOf(subject)]));
  }

  /** The profiles whose row is to be written, with what they were and the changes to be said. */
  moved(): { profile: Profile; was: readonly Held[]; changes: readonly Change[] }[] {
    return [...this.profiles.values()].flatMap((profile) => {
      const was = this.#was.get(profile.id)!;
      return isSame(was, profile) ? [] : [{ profile, was: was.standing.memberships, changes: this.#changes.get(profile.id) ?? [] }];
    });
  }

  #fold(id: string): ProfileHistory {
    const { firstSeenAt } = this.profile(id);
    return fold([...(firstSeenAt === undefined ? [] : [{ firstSeenAt, entries: [] }]), ...this.known.members.get(id)!.map((subject) => ({ entries: this.entriesOf(subject) }))]);
  }
}

/** The instant alone may differ: while nothing is due, an older evaluation is as good. */
function isSame(a: Profile, b: Profile): boolean {
  return a === b || (a.seq === b.seq && a.ruleVersion === b.ruleVersion && a.profileVersion === b.profileVersion && a.firstSeenAt === b.firstSeenAt && a.standing.nextAt === b.standing.nextAt
    && a.evaluatedAt !== undefined && sameMemberships(a.standing.memberships, b.standing.memberships));
}

export const sameMemberships = (a: readonly Held[], b: readonly Held[]): boolean => a.length === b.length && a.every(({ segment, since }, index) => b[index]!.segment === segment && b[index]!.since === since);
