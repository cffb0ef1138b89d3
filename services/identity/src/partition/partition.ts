import { compareText } from '@yunke/kernel';

import type { Cause } from '../observation/observation.js';
import { components, type Component, type Log } from '../resolve/resolve.component.js';
import { resolve, type Refused, type United } from '../resolve/resolve.js';

/** A profile as it was before. */
export type Former = { readonly subjects: readonly string[]; readonly stale: boolean };

/** Whole components, as they are now, with the profiles of their subjects as they were. */
export type Graph = {
  readonly log: Log;
  readonly carriers: ReadonlyMap<string, number>;
  /** Per subject: its permanent id, and the profile that holds it; a new one is in a profile that is not among `former`. */
  readonly ids: ReadonlyMap<string, string>;
  readonly homes: ReadonlyMap<string, string>;
  readonly former: ReadonlyMap<string, Former>;
  /** What led to each subject's being looked at. */
  readonly origins: ReadonlyMap<string, Cause>;
  /** Subjects whose component is too large to be loaded. */
  readonly cut: ReadonlySet<string>;
};

/** A profile that is not as it was. Without subjects: it was merged away. `identity`: not only newcomers moved. */
export type Move = { readonly profileId: string; readonly subjects: readonly string[]; readonly stale: boolean; readonly identity: boolean; readonly cause: Cause };

/** Which identifier did it; `because` is its type, or the kind of a person's decision. */
export type Why = { readonly because: string; readonly type?: string; readonly value?: string; readonly reason?: Refused['reason'] };

/** `ids`: the profiles merged into this one, or split off it. */
export type Happening = { readonly kind: 'created' | 'merged' | 'split'; readonly profileId: string; readonly ids: readonly string[]; readonly subjects: readonly string[]; readonly why: Why; readonly cause: Cause };

export type Partition = { readonly moves: Move[]; readonly happenings: Happening[]; readonly tooLarge: number };

type Profile = { readonly id: string; readonly subjects: readonly string[] };
type Resolved = { readonly stale: boolean; readonly profiles: readonly Profile[]; readonly united: readonly United[]; readonly refused: readonly Refused[]; readonly cause: Cause };

/** Before and after: `living`, the profiles there were; `present`, those there are; `holders` of every subject now; `names`, whose id an id is. */
type Change = {
  readonly graph: Graph;
  readonly living: ReadonlyMap<string, Former>;
  readonly present: ReadonlyMap<string, { readonly subjects: readonly string[]; readonly of: Resolved }>;
  readonly holders: ReadonlyMap<string, string>;
  readonly names: ReadonlyMap<string, string>;
};

/** Everybody's profile now, against what it was. `decided`: the kind of the decision that led here, which then is why profiles split. */
export function repartition(graph: Graph, decided?: string): Partition {
  const resolved = components(graph.log, graph.carriers).map((component) => resolveOne(component, graph));
  const profiles = resolved.flatMap((of) => of.profiles.map((profile) => ({ ...profile, of })));
  const change: Change = {
    graph,
    living: new Map([...graph.former].filter(([, { subjects }]) => subjects.length > 0)),
    present: new Map(profiles.map(({ id, subjects, of }) => [id, { subjects, of }])),
    holders: new Map(profiles.flatMap(({ id, subjects }) => subjects.map((subject): [string, string] => [subject, id]))),
    names: new Map([...graph.ids].map(([subject, id]) => [id, subject])),
  };
  return {
    moves: [...moved(change), ...mergedAway(change)].sort((a, b) => compareText(a.profileId, b.profileId)),
    happenings: [...created(change), ...merged(change), ...split(change, decided)],
    tooLarge: resolved.filter(({ stale }) => stale).length,
  };
}

function resolveOne(component: Component, graph: Graph): Resolved {
  const cause = component.seen.map(({ subject }) => graph.origins.get(subject)!).reduce((a, b) => (b.place < a.place ? b : a));
  const resolution = component.seen.some(({ subject }) => graph.cut.has(subject)) ? undefined : resolve(component);
  if (!resolution || resolution.stale) return { stale: true, profiles: asBefore(component, graph), united: [], refused: [], cause };
  return { ...resolution, profiles: resolution.profiles.map(({ oldest, subjects }) => ({ id: graph.ids.get(oldest)!, subjects })), cause };
}

/** What is too large keeps the profiles it had; its newcomers stay alone. */
function asBefore({ seen }: Component, graph: Graph): Profile[] {
  const oldestFirst = [...seen].sort((a, b) => a.acceptedAt - b.acceptedAt || compareText(a.subject, b.subject));
  const groups = Map.groupBy(oldestFirst.map(({ subject }) => subject), (subject) => graph.homes.get(subject)!);
  return [...groups.values()].map((subjects) => ({ id: graph.ids.get(subjects[0]!)!, subjects: subjects.toSorted(compareText) }));
}

function moved({ graph: { homes, former }, living, present, holders }: Change): Move[] {
  return [...present].flatMap(([profileId, { subjects, of }]): Move[] => {
    const before = living.get(profileId);
    const leavers = before?.subjects.some((subject) => holders.get(subject) !== profileId) ?? false;
    const comers = subjects.filter((subject) => homes.get(subject) !== profileId || !before);
    if (before?.stale === of.stale && !leavers && comers.length === 0) return [];
    const movers = comers.some((subject) => former.has(homes.get(subject)!));
    return [{ profileId, subjects, stale: of.stale, identity: leavers || movers || comers.length === 0, cause: of.cause }];
  });
}

function mergedAway({ living, present, holders }: Change): Move[] {
  return [...living].flatMap(([profileId, { subjects }]): Move[] =>
    present.has(profileId) ? [] : [{ profileId, subjects: [], stale: false, identity: true, cause: present.get(holders.get(subjects[0]!)!)!.of.cause }]);
}

function created({ graph: { homes, former }, present }: Change): Happening[] {
  return [...present].flatMap(([profileId, { subjects, of }]): Happening[] =>
    subjects.some((subject) => former.has(homes.get(subject)!)) ? [] : [{ kind: 'created', profileId, ids: [], subjects, why: { because: 'new' }, cause: of.cause }]);
}

/** A profile that shows no more is merged into the one that holds the subject whose id it showed. */
function merged({ graph: { homes }, living, present, holders, names }: Change): Happening[] {
  const gone = [...living.keys()].filter((id) => !present.has(id)).sort(compareText);
  return [...Map.groupBy(gone, (id) => holders.get(names.get(id)!)!)].map(([profileId, ids]): Happening => {
    const { subjects, of } = present.get(profileId)!;
    const crossing = of.united.find(({ a, b }) => holders.get(a) === profileId && homes.get(a) !== homes.get(b));
    const why: Why = crossing ? { because: crossing.type, type: crossing.type, value: crossing.value } : { because: 'accepted-earlier' };
    return { kind: 'merged', profileId, ids, subjects, why, cause: of.cause };
  });
}

/** A profile is split when its subjects are in several now; it goes on as the one that holds the subject whose id it shows. */
function split({ living, present, holders, names }: Change, decided: string | undefined): Happening[] {
  return [...living].flatMap(([profileId, { subjects }]): Happening[] => {
    const parts = new Set(subjects.map((subject) => holders.get(subject)!));
    if (parts.size < 2) return [];
    const stays = holders.get(names.get(profileId)!)!;
    const members = new Set(subjects);
    const refused = [...parts].flatMap((part) => present.get(part)!.of.refused).find(({ subject, type, value }) => members.has(subject) || (type === 'link' && members.has(value)));
    const why: Why = { because: decided ?? refused?.type ?? 'evidence', ...(refused && { type: refused.type, value: refused.value, reason: refused.reason }) };
    const ids = [...parts].filter((part) => part !== stays).sort(compareText);
    return [{ kind: 'split', profileId, ids, subjects: present.get(profileId)?.subjects ?? [], why, cause: present.get(stays)!.of.cause }];
  });
}
