import type { Fact } from '@yunke/contracts';
import { iso, uuidv5, type Millis } from '@yunke/kernel';

import { FORESEEN, trustOf, type Door, type Item } from './item.js';

export type Accepted = Extract<Item, { observations: unknown }>;

/** What the door says of everything that it accepts in one transaction: since when it is accepted, and the text that ends each JSON. */
export type Stamp = { readonly acceptedAt: string; readonly ending: string };

/** A fact with its JSON, in which all of the contract stands; in the body the stamp is missing. */
export type Stamped = Fact & { readonly json: string; readonly cause: string; readonly id: string };

export function stampOf(door: Door, at: Millis): Stamp {
  const acceptedAt = iso(at);
  return { acceptedAt, ending: `,${JSON.stringify({ ...trustOf(door), acceptedAt }).slice(1)}` };
}

/** The observations of an accepted item as the topic has them. What is said to have happened after it was accepted happened then. */
export function stamped({ messageId, observations }: Accepted, { source }: Door, { acceptedAt, ending }: Stamp): Stamped[] {
  const cause = `${source}|${messageId}`;
  return observations.map(({ type, body: said, json }, index) => {
    const body = isAhead(said, acceptedAt) ? Object.fromEntries(Object.entries(said).map(([name, value]) => [name, isLater(name, value, acceptedAt) ? acceptedAt : value])) : said;
    const text = body === said && json !== undefined ? json : JSON.stringify(body);
    return { type, body, json: text.slice(0, -1) + ending, cause, id: uuidv5(`${cause}|${type}|${index}`) } as unknown as Stamped;
  });
}

function isAhead(said: object, acceptedAt: string): boolean {
  for (const name in said) if (isLater(name, (said as Record<string, unknown>)[name], acceptedAt)) return true;
  return false;
}

/** Whether a field is a time after another, and should not be. Times have the form of `iso`, whose order is that of texts. */
const isLater = (name: string, value: unknown, acceptedAt: string): boolean => name.endsWith('At') && !FORESEEN.has(name) && (value as string) > acceptedAt;
