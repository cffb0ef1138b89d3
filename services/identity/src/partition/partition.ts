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

type Resolved = { stale: boolean; profiles: { id: string; subjects: readonly string[] }[]; united: readonly United[]; refused: readonly Refused[]; cause: Cause };
type Present = { subjects: readonly string[]; of: Resolved };

/** Everybody's profile now, against what it was. `decided`: the kind of the decision that led here, which then is why profiles split. */
export function repartition(graph: Graph, decided?: string): Partition {
  const resolved = components(graph.log, graph.carriers).map((component) => resolveOne(component, graph));
  const present = new Map<string, Present>(resolved.flatMap((of) => of.profiles.map(({ id, subjects }): [string, Present] => [id, { subjects, of }])));
  const living = new Map([...graph.former].filter(([, { subjects }]) => subjects.length > 0));
  return {
    moves: [...moved(graph, present, living), ...mergedAway(graph, present, living)].sort((a, b) => compareText(a.profileId, b.profileId)),
    happenings: [...created(graph, present), ...merged(graph, present, living), ...split(graph, present, { living, decided })],
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
function asBefore({ seen }: Component, graph: Graph): Resolved['profiles'] {
  const oldestFirst = [...seen].sort((a, b) => a.acceptedAt - b.acceptedAt || compareText(a.subject, b.subject));
  const groups = Map.groupBy(oldestFirst.map(({ subject }) => subject), (subject) => graph.homes.get(subject)!);
  return [...groups.values()].map((subjects) => ({ id: graph.ids.get(subjects[0]!)!, subjects: subjects.toSorted(compareText) }));
}

type PresentById = ReadonlyMap<string, Present>;
type Living = ReadonlyMap<string, Former>;

function moved({ homes, former }: Graph, present: PresentById, living: Living): Move[] {
  return [...present].flatMap(([profileId, { subjects, of }]): Move[] => {
    const before = living.get(profileId);
    const stays = before !== undefined && before.subjects.length === subjects.length && subjects.every((subject) => homes.get(subject) === profileId);
    if (stays && before.stale === of.stale) return [];
    const leavers = before?.subjects.some((subject) => !subjects.includes(subject)) ?? false;
    const movers = subjects.some((subject) => homes.get(subject) !== profileId && former.has(homes.get(subject)!));
    return [{ profileId, subjects, stale: of.stale, identity: stays || leavers || movers, cause: of.cause }];
  });
}

function mergedAway(graph: Graph, present: PresentById, living: Living): Move[] {
  const holders = holdersOf(present);
  return [...living].flatMap(([profileId, { subjects }]): Move[] =>
    present.has(profileId) ? [] : [{ profileId, subjects: [], stale: false, identity: true, cause: present.get(holders.get(subjects[0]!)!)!.of.cause }]);
}

function created({ homes, former }: Graph, present: PresentById): Happening[] {
  return [...present].flatMap(([profileId, { subjects, of }]): Happening[] =>
    former.has(profileId) || subjects.some((subject) => former.has(homes.get(subject)!)) ? [] : [{ kind: 'created', profileId, ids: [], subjects, why: { because: 'new' }, cause: of.cause }]);
}

/** A profile that shows no more is merged into the one that holds the subject whose id it showed. */
function merged({ ids, homes }: Graph, present: PresentById, living: Living): Happening[] {
  const [names, holders] = [namesOf(ids), holdersOf(present)];
  const gone = [...living.keys()].filter((id) => !present.has(id)).sort(compareText);
  const into = Map.groupBy(gone, (id) => holders.get(names.get(id)!)!);
  return [...into].map(([profileId, merging]): Happening => {
    const { subjects, of } = present.get(profileId)!;
    const here = of.united.filter(({ a }) => holders.get(a) === profileId);
    const crossing = here.find(({ a, b }) => homes.get(a) !== homes.get(b));
    const why: Why = crossing ? { because: crossing.type, type: crossing.type, value: crossing.value } : { because: 'accepted-earlier' };
    return { kind: 'merged', profileId, ids: merging, subjects, why, cause: of.cause };
  });
}

function split({ ids }: Graph, present: PresentById, { living, decided }: { living: Living; decided: string | undefined }): Happening[] {
  const [names, holders] = [namesOf(ids), holdersOf(present)];
  return [...living].flatMap(([id, { subjects }]): Happening[] => {
    const parts = new Set(subjects.map((subject) => holders.get(subject)!));
    if (parts.size < 2) return [];
    const stays = holders.get(names.get(id)!)!;
    const { of } = present.get(stays)!;
    const refused = [...parts].flatMap((part) => present.get(part)!.of.refused).find(({ subject, type, value }) => subjects.includes(subject) || (type === 'link' && subjects.includes(value)));
    const told = refused && { type: refused.type, value: refused.value, reason: refused.reason };
    const why: Why = { because: decided ?? refused?.type ?? 'evidence', ...told };
    return [{ kind: 'split', profileId: id, ids: [...parts].filter((part) => part !== stays).sort(compareText), subjects: present.get(id)?.subjects ?? [], why, cause: of.cause }];
  });
}

const namesOf = (ids: Graph['ids']): Map<string, string> => new Map([...ids].map(([subject, id]) => [id, subject]));
const holdersOf = (present: PresentById): Map<string, string> => new Map([...present].flatMap(([id, { subjects }]) => subjects.map((subject): [string, string] => [subject, id])));
