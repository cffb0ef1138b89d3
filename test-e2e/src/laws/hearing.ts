import { createHash } from 'node:crypto';

import { unnamed, type Observation } from './observations.js';

/** One order in which a history may be heard, in how many batches, and which service is away meanwhile. */
export type Order = { readonly salt: number; readonly batches: number; readonly away: 'identity' | 'orders' | 'segmentation' | undefined };

/** As a relay says them where nothing is late: in the order in which they were accepted. */
export const inTime = (observations: readonly Observation[]): Observation[] =>
  observations.toSorted((a, b) => (a.body.acceptedAt < b.body.acceptedAt ? -1 : a.body.acceptedAt > b.body.acceptedAt ? 1 : 0));

/**
 * Every observation at least once, every fourth twice, in an order that has nothing to do with time. What an observation says
 * decides its place, so that the others keep theirs when one is left out.
 */
export function shuffled(observations: readonly Observation[], { salt, batches }: Order): Observation[][] {
  const copies = observations.flatMap((one) => {
    const says = unnamed(JSON.stringify({ ...one.body, messageId: '' })).replace(/-w\d\d/g, '');
    const dice = (throwing: number): number => createHash('sha1').update(`${salt}|${throwing}|${says}`).digest().readUInt32BE();
    return [{ one, at: dice(0) }, ...(dice(1) % 4 === 0 ? [{ one, at: dice(2) }] : [])];
  });
  const heard = copies.sort((a, b) => a.at - b.at).map(({ one }) => one);
  return Array.from({ length: batches }, (_, k) => heard.slice(Math.floor((k * heard.length) / batches), Math.floor(((k + 1) * heard.length) / batches)));
}
