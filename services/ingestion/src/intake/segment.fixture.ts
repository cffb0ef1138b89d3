import type { Fault } from '@yunke/kernel';

import { trustOf, type Door, type Item, type ObservationType, type Worded } from './item.js';
import { readSegment, type SegmentType } from './segment.js';

export const NOON = Date.UTC(2026, 4, 20, 12);
export const server: Door = { source: 'shop', kind: 'server', history: false, receivedAt: NOON };
export const browser: Door = { ...server, source: 'web', kind: 'browser' };

export type Said = Record<string, unknown>;

/** A call as a library sends it, and whatever the test says differently. */
export const aCall = (said: Said = {}): Said => ({ messageId: 'm-1', userId: '88123', timestamp: '2026-05-20T11:59:00.000Z', ...said });

export const anIdentify = (traits: unknown, said: Said = {}): Said => aCall({ type: 'identify', traits, ...said });
export const aTrack = (event: unknown, properties?: unknown, said: Said = {}): Said => aCall({ type: 'track', event, properties, ...said });

/** The observations of a call that must be right, as they will stand in the topic. */
export function observed(call: unknown, door: Door = server, type?: SegmentType): { type: ObservationType; body: Said }[] {
  const item = readSegment(call, door, type);
  if ('faults' in item) throw new Error(`It was refused: ${JSON.stringify(item.faults)}`);
  return inTopic(item.observations, door);
}

export const inTopic = (observations: readonly Worded[], door: Door): { type: ObservationType; body: Said }[] =>
  observations.map(({ type, json }) => ({ type, body: { ...(JSON.parse(json) as Said), ...trustOf(door) } }));

/** The one observation of a call. */
export function theOne(call: unknown, door: Door = server): Said & { type: ObservationType } {
  const [one, ...others] = observed(call, door);
  if (!one || others.length > 0) throw new Error('There must be exactly one observation.');
  return { type: one.type, ...one.body };
}

/** What is wrong with an item, as `<code> <pointer>`. */
export const wrongWith = (item: Item): string[] => ('faults' in item ? item.faults.map(({ code, pointer }: Fault) => `${code} ${pointer}`) : []);
export const faultsOf = (call: unknown, door: Door = server, type?: SegmentType): string[] => wrongWith(readSegment(call, door, type));
