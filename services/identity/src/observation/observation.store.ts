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
  let news = await newsIn(tx, told);
  if (news.length === 0) return { facts: [], tooLarge: 0 };
  let partition: Partition = STILL;
  if (news.some(touchesGraph)) {
    await lockGraph(tx);
    news = await newsIn(tx, news.map((one) => one.told));
    partition = await bring(tx, news.filter(touchesGraph), idOf);
  }
  return { facts: await settle(tx, news, partition, idOf), tooLarge: partition.tooLarge };
}

/** Stores new evidence and tells who moves by it. Who shares nothing with anybody is a person of their own without further reading. */
async function bring(tx: Tx, news: readonly News[], idOf: (subject: string) => string): Promise<Partition> {
  if (news.length === 0) return STILL;
  await saveEvidence(tx, news.flatMap(({ evidence }) => evidence));
  await insertSubjects(tx, news.filter(({ isNew }) => isNew), idOf);
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
