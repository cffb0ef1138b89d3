import type { Fault } from '@yunke/kernel';

import { ID, idFault } from './item.js';
import { scoped } from './observation.js';

/** An object inside a call: what it holds, the RFC 6901 pointer to it, and where what is wrong with it is noted. */
export type Part = { readonly fields: Readonly<Record<string, unknown>>; readonly pointer: string; readonly faults: Fault[] };

/** The most characters that the contract takes for a text, and for an id. */
export const LONGEST_TEXT = 4_096;
export const LONGEST_ID = 200;

/** Has no prototype: `constructor` is not a field of a call. */
export const NOTHING: Readonly<Record<string, unknown>> = Object.freeze(Object.create(null) as Record<string, unknown>);

export const isObject = (value: unknown): value is Readonly<Record<string, unknown>> => typeof value === 'object' && value !== null && !Array.isArray(value);

/** Notes a fault at a field of the part. Every reader below does so, and goes on: a source learns all its faults at once. */
export function note({ faults, pointer }: Part, name: string, code: string, message: string): void {
  faults.push({ pointer: `${pointer}/${name}`, code, message });
}

/** A field that says something. The libraries send null for what they do not know, such as the userId of a visitor, and forms send empty texts. */
export function valueIn({ fields }: Part, name: string): unknown {
  const value = fields[name];
  return value === null || value === '' ? undefined : value;
}

/** An object within; without fields when it is not there. */
export function objectIn(part: Part, name: string): Part {
  const value = valueIn(part, name);
  if (value !== undefined && !isObject(value)) note(part, name, 'validation_failed', 'It must be an object.');
  return { fields: isObject(value) ? value : NOTHING, pointer: `${part.pointer}/${name}`, faults: part.faults };
}

/** The objects of a list; none when it is not there. */
export function objectsIn(part: Part, name: string): Part[] {
  const value = valueIn(part, name);
  if (value === undefined) return [];
  if (!Array.isArray(value)) {
    note(part, name, 'validation_failed', 'It must be a list.');
    return [];
  }
  const list: Part = { fields: NOTHING, pointer: `${part.pointer}/${name}`, faults: part.faults };
  const parts: Part[] = [];
  for (const [index, fields] of value.entries()) {
    if (isObject(fields)) parts.push({ fields, pointer: `${list.pointer}/${index}`, faults: part.faults });
    else note(list, String(index), 'validation_failed', 'It must be an object.');
  }
  return parts;
}

export function textIn(part: Part, name: string, longest = LONGEST_TEXT): string | undefined {
  const value = valueIn(part, name);
  if (value === undefined) return undefined;
  if (typeof value === 'string' && value.length <= longest) return value;
  note(part, name, 'validation_failed', `It must be a text of at most ${longest} characters.`);
  return undefined;
}

export function flagIn(part: Part, name: string): boolean | undefined {
  const value = valueIn(part, name);
  if (value === undefined || typeof value === 'boolean') return value;
  note(part, name, 'validation_failed', 'It must be true or false.');
  return undefined;
}

/** An id. A number is none: 2^53 + 1 would name another order than the source meant. */
export function idIn(part: Part, name: string, pattern = ID): string | undefined {
  const value = valueIn(part, name);
  if (value === undefined) return undefined;
  if (typeof value !== 'string') note(part, name, 'validation_failed', 'An id must be a text.');
  else if (pattern.test(value)) return value;
  else part.faults.push(idFault(`${part.pointer}/${name}`));
  return undefined;
}

/** Reads an id of the source's own, and puts its name in front. */
export const scopedIdIn = (source: string) => (part: Part, name: string): string | undefined => {
  const id = idIn(part, name);
  return id === undefined ? undefined : scoped(id, source);
};

/** What a reader gave, and a fault when it gave nothing and had nothing to say against it. The empty text goes nowhere: a call with faults is refused. */
export function required(part: Part, name: string, read: (part: Part, name: string) => string | undefined): string {
  const before = part.faults.length;
  const value = read(part, name);
  if (value === undefined && part.faults.length === before) note(part, name, 'validation_failed', 'This field is missing.');
  return value ?? '';
}
