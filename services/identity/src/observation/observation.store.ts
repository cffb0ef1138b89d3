import type { Tx } from '@yunke/postgres';

import { loadGraph, lockGraph } from '../partition/graph.store.js';
import { repartition, type Partition } from '../partition/partition.js';
import type { Caused } from '../profile/profile.js';
import { STILL, settle } from '../profile/settle.store.js';
import { crowdedAmong, insertSubjects, newsIn, saveEvidence } from './news.store.js';
import { causeOf, touchesGraph, type News, type Told } from './observation.js';

export type Heard = { readonly facts: Caused[]; readonly tooLarge: number };

/**
 * Takes what a chunk tells. Most of it is known: that costs two reads, and writes and says nothing. What may move somebody is read
 * again and decided under the lock of the graph.
 */
export async function take(tx: Tx, told: readonly Told[], idOf: (subject: string) => string): Promise<Heard> {
  const news = told.length > 0 ? await newsIn(tx, told) : [];
  if (!news.some(touchesGraph)) return { facts: news.length > 0 ? await settle(tx, news, STILL, idOf) : [], tooLarge: 0 };
  await lockGraph(tx);
  const fresh = await insertSubjects(tx, news.filter(({ isNew }) => isNew).map((one) => one.told), idOf);
  const others = news.filter((one) => !fresh.has(one.told.subject)).map((one) => one.told);
  const now = [...news.filter((one) => fresh.has(one.told.subject)), ...(others.length > 0 ? await newsIn(tx, others) : [])];
  const partition = await bring(tx, now.filter(touchesGraph), idOf);
  return { facts: await settle(tx, now, partition, idOf), tooLarge: partition.tooLarge };
}

/** Stores new evidence and tells who moves by it. Who shares nothing with anybody is a person of their own without further reading. */
async function bring(tx: Tx, news: readonly News[], idOf: (subject: string) => string): Promise<Partition> {
  if (news.length === 0) return STILL;
  await saveEvidence(tx, news);
  const crowded = await crowdedAmong(tx, news.map(({ told }) => told.subject));
  const alone = aloneAmong(news.filter(({ isNew, told }) => isNew && !crowded.has(told.subject)), idOf);
  const together = news.filter(({ told }) => crowded.has(told.subject));
  if (together.length === 0) return alone;
  const graph = await loadGraph(tx, {
    subjects: new Map(together.map((one) => [one.told.subject, causeOf(one)])), added: together.flatMap(({ added }) => added), seen: together.map(({ told }) => told),
  });
  const { moves, happenings, tooLarge } = repartition(graph);
  return { moves: [...alone.moves, ...moves], happenings: [...alone.happenings, ...happenings], tooLarge };
}

function aloneAmong(news: readonly News[], idOf: (subject: string) => string): Partition {
  const people = news.map(({ told: { subject, cause } }) => ({ profileId: idOf(subject), subjects: [subject], cause }));
  return {
    moves: people.map((one) => ({ ...one, stale: false, identity: false })),
    happenings: people.map((one) => ({ ...one, kind: 'created', ids: [], why: { because: 'new' } })),
    tooLarge: 0,
  };
}
