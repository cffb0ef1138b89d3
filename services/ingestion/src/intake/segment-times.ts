import { isTimestamp } from '@yunke/contracts';
import { iso, millis, type Millis } from '@yunke/kernel';

import { mayHaveHappened, type Door } from './item.js';
import { note, valueIn, type Part } from './segment-part.js';

/** The years that the contract's times may lie in: correcting a clock can lead out of them. */
const EARLIEST: Millis = Date.UTC(1900, 0, 1);
const EARLIEST_TEXT = '1900';
const LATEST: Millis = Date.UTC(10_000, 0, 1) - 1;
/** As `Date.toJSON` writes it, on a day that every month has. */
const USUAL = /^\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|1\d|2[0-8])T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d\.\d{3}Z$/;

/** An RFC 3339 time with a zone, in milliseconds. */
export function instantIn(part: Part, name: string): Millis | undefined {
  const text = valueIn(part, name);
  if (text === undefined) return undefined;
  if (typeof text !== 'string') note(part, name, 'validation_failed', 'A time must be a text.');
  else if ((USUAL.test(text) && text >= EARLIEST_TEXT) || isTimestamp(text)) return millis(text); // most times need no calendar: a fifth of the cost
  else note(part, name, 'timestamp_out_of_range', 'It must be an RFC 3339 time with a zone, on a date that exists.');
  return undefined;
}


/** When something happened, as RFC 3339 in UTC with milliseconds. It must be a time that this source may speak of. */
function happenedIn(part: Part, name: string, door: Door): string | undefined {
  const at = instantIn(part, name);
  if (at === undefined) return undefined;
  if (!mayHaveHappened(at, door)) noteOutOfRange(part, name);
  return iso(at);
}

/** Milestones, each with the property that may date it. */
export type DatedBy<Time extends string> = Readonly<Partial<Record<Time, string>>>;

/** When it happened, as this property says, else when the call was made; nothing where no property could say it. */
export function dated(call: Dated, property: string): string;
export function dated(call: Dated, property: string | undefined): string | undefined;
export function dated({ content, door, occurredAt }: Dated, property: string | undefined): string | undefined {
  return property === undefined ? undefined : (happenedIn(content, property, door) ?? occurredAt);
}

type Dated = { readonly content: Part; readonly door: Door; readonly occurredAt: string };

/** When something will happen: as far ahead as the source likes. */
export function foreseenIn(part: Part, name: string): string | undefined {
  const at = instantIn(part, name);
  return at === undefined ? undefined : iso(at);
}

/**
 * When the call was made, by our clock: `receivedAt - (sentAt - originalTimestamp)`, which takes out what the client's clock is wrong by
 * (Segment's common fields). Without `sentAt` the client's word stands. A page cannot be asked again, so its impossible times become now.
 */
export function calledAt(call: Part, door: Door, sentAt = instantIn(call, 'sentAt')): Millis {
  const original = instantIn(call, 'originalTimestamp');
  const timestamp = instantIn(call, 'timestamp');
  const said = original ?? timestamp;
  if (said === undefined) return door.receivedAt;
  const at = sentAt === undefined ? said : door.receivedAt - (sentAt - said);
  if (at >= EARLIEST && at <= LATEST && mayHaveHappened(at, door)) return at;
  if (door.kind === 'server') noteOutOfRange(call, original === undefined ? 'timestamp' : 'originalTimestamp');
  return door.receivedAt;
}

const noteOutOfRange = (part: Part, name: string): void =>
  note(part, name, 'timestamp_out_of_range', 'It must lie within the last 365 days (any past time for a source with history) and not after tomorrow.');
