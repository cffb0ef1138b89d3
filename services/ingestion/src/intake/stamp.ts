import { iso, uuidv5, type Millis } from '@yunke/kernel';

import { isPast, trustOf, type Door, type Item, type ObservationType } from './item.js';

export type Accepted = Extract<Item, { observations: unknown }>;

/** What the door says of everything that it accepts in one transaction: since when it is accepted, and the text that ends each JSON. */
export type Stamp = { readonly acceptedAt: string; readonly ending: string };

/** A fact in its text, in which all of the contract stands; its key is readable. */
export type Stamped = { readonly type: ObservationType; readonly key: string; readonly time: string; readonly json: string; readonly cause: string; readonly id: string };

export function stampOf(door: Door, at: Millis): Stamp {
  const acceptedAt = iso(at);
  return { acceptedAt, ending: `,${JSON.stringify({ ...trustOf(door), acceptedAt }).slice(1)}` };
}

/** The observations of an accepted item as the topic has them. What is said to have happened after it was accepted happened then. */
export function stamped({ messageId, observations }: Accepted, { source }: Door, { acceptedAt, ending }: Stamp): Stamped[] {
  const cause = `${source}|${messageId}`;
  return observations.map(({ type, key, occurredAt, latest, json }, index) => ({
    type, key, time: occurredAt > acceptedAt ? acceptedAt : occurredAt, json: (latest > acceptedAt ? turnedBack(json, acceptedAt) : json).slice(0, -1) + ending,
    cause, id: uuidv5(`${cause}|${type}|${index}`),
  }));
}

function turnedBack(json: string, acceptedAt: string): string {
  const body = JSON.parse(json) as Record<string, unknown>;
  for (const name in body) if (isPast(name) && (body[name] as string) > acceptedAt) body[name] = acceptedAt;
  return JSON.stringify(body);
}
