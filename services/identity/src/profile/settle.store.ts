import type { Tx } from '@yunke/postgres';

import type { News } from '../observation/observation.js';
import { nextDecision } from '../partition/graph.store.js';
import type { Partition } from '../partition/partition.js';
import { happened, recorded, type Caused } from './profile.js';
import { findRegisters, lockMany, lockMembers, note, saveMany, saveMembers, saveRegisters } from './profile.store.js';
import { amends, settled, type Held, type Member } from './settle.js';

/** Nobody moves. */
export const STILL: Partition = { moves: [], happenings: [], tooLarge: 0 };

/**
 * Saves what news and moves change, and tells the facts. Subjects are locked in key order, then profiles: what is read after that
 * holds until the end. New subjects, whose rows nobody else can see, need no lock.
 */
export async function settle(tx: Tx, news: readonly News[], partition: Partition, idOf: (subject: string) => string): Promise<Caused[]> {
  const { moves, happenings } = partition;
  const held = await hold(tx, news, partition, idOf);
  const decision = moves.length > 0 ? await nextDecision(tx) : 0;
  const { members, registers, profiles } = settled(held, news, moves, decision);
  await saveMembers(tx, members);
  await saveRegisters(tx, registers);
  await saveMany(tx, profiles.map(({ profile }) => profile));
  await note(tx, happenings, decision);
  return [...profiles.map(({ profile, golden, cause }) => recorded(profile, golden, cause)), ...happenings.map((happening) => happened(happening, decision))];
}

async function hold(tx: Tx, news: readonly News[], { moves }: Partition, idOf: (subject: string) => string): Promise<Held> {
  const alone = new Map(news.filter(({ isNew }) => isNew).map(({ told: { subject, acceptedAt, firstSeenAt } }): [string, Member] => [subject, { subject, profileId: idOf(subject), acceptedAt, firstSeenAt }]));
  const touched = new Set([...news.map(({ told }) => told.subject), ...moves.flatMap(({ subjects }) => subjects)]);
  const locked = await lockMembers(tx, [...touched].filter((subject) => !alone.has(subject)));
  const members = new Map([...alone, ...locked]);
  const newIds = new Set([...alone.values()].map(({ profileId }) => profileId));
  const homes = news.filter(amends).map(({ told }) => members.get(told.subject)!.profileId);
  const profiles = await lockMany(tx, [...moves.map(({ profileId }) => profileId), ...homes].filter((id) => !newIds.has(id)));
  const folded = new Set([...moves.flatMap(({ subjects }) => subjects), ...homes.flatMap((id) => profiles.get(id)?.subjects ?? [])]);
  const registers = await findRegisters(tx, [...folded].filter((subject) => !alone.has(subject)));
  return { members, profiles, registers };
}
