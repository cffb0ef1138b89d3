import type { BehaviourObserved, Identifier } from '@yunke/contracts';

import { ACCOUNT, type Door, type Observation } from './item.js';
import { LONGEST_ID, NOTHING, flagIn, idIn, isObject, note, objectIn, objectsIn, textIn, valueIn, type Part } from './segment-part.js';

export const SEGMENT_TYPES = ['identify', 'track', 'page', 'screen', 'group', 'alias'] as const;
export type SegmentType = (typeof SEGMENT_TYPES)[number];

/** One call of the Segment API, read as far as all six kinds of call are alike. */
export type Call = {
  readonly type: SegmentType;
  readonly door: Door;
  readonly root: Part;
  readonly context: Part;
  /** What is known of the person, which track and the others carry in their context. */
  readonly known: Part;
  /** The `traits` of identify and group, the `properties` of track, page and screen. */
  readonly content: Part;
  readonly messageId: string;
  /** When it was made, by our clock: RFC 3339 in UTC with milliseconds. */
  readonly occurredAt: string;
  /** Empty when the call names nobody. */
  readonly subject: string;
  readonly identifiers: Identifier[];
};

/** What every observation of this call says alike. Spread it where calls are rare: a literal that names its fields costs a fifth. */
export const stamped = ({ door, messageId, occurredAt }: Call) => ({ source: door.source, messageId, occurredAt });

/** The same, with who it was. */
export const stampedWithPerson = (call: Call) => ({ ...stamped(call), subject: somebody(call), identifiers: call.identifiers });

/** Who it was; only an order and its returns may be nobody's. */
export function somebody({ root, subject }: Call): string {
  const isSaid = root.faults.some(({ pointer }) => pointer === '/userId' || pointer === '/anonymousId');
  if (subject === '' && !isSaid) note(root, 'userId', 'validation_failed', 'A call needs a userId or an anonymousId.');
  return subject;
}

/** Somebody did something that is neither a cart nor, from a trusted source, an order. */
export function behaviour(call: Call, kind: BehaviourObserved['kind'], name: string): Observation {
  const { door, messageId, occurredAt, identifiers, content } = call;
  const properties = content.fields === NOTHING ? undefined : content.fields;
  return { type: 'BehaviourObserved', body: { source: door.source, subject: somebody(call), messageId, occurredAt, identifiers, kind, name, properties } };
}

/** The account, with the anonymous id as evidence; else the visitor. */
export function personIn({ type, door, root, context, known, content }: Omit<Call, 'messageId' | 'occurredAt' | 'subject' | 'identifiers'>): { subject: string; identifiers: Identifier[] } {
  const userId = idIn(root, 'userId', ACCOUNT);
  const anonymousId = idIn(root, 'anonymousId', ACCOUNT);
  const identifiers: Identifier[] = [];
  const add = (kind: string, value: string | undefined): void => {
    if (value !== undefined && !identifiers.some((other) => other.type === kind && other.value === value)) identifiers.push({ type: kind, value });
  };
  if (userId !== undefined) add('anonymous', anonymousId);
  if (type === 'alias') add('anonymous', idIn(root, 'previousId', ACCOUNT));
  addContacts(add, { type, content, known });
  addExternalIds(add, context);
  addDevices(add, context);
  const subject = userId !== undefined ? `${door.source}:account:${userId}` : anonymousId !== undefined ? `${door.source}:anonymous:${anonymousId}` : '';
  return { subject, identifiers };
}

type Add = (kind: string, value: string | undefined) => void;

function addContacts(add: Add, { type, content, known }: Pick<Call, 'type' | 'content' | 'known'>): void {
  for (const kind of ['email', 'phone']) {
    if (type === 'identify') add(kind, textIn(content, kind, LONGEST_ID));
    else if (type !== 'group') add(kind, contactAmong(content, kind)); // a group's e-mail address is a company's
    add(kind, textIn(known, kind, LONGEST_ID));
  }
}

/** Properties are free: one that is called `email` may be a flag, and then it is no contact and no fault. */
function contactAmong(properties: Part, name: string): string | undefined {
  const value = valueIn(properties, name);
  return typeof value === 'string' && value !== '' && value.length <= LONGEST_ID ? value : undefined;
}

const EXTERNAL_TYPE = /^[\w.-]{1,64}$/;

/** Segment counts an external id only with all four of its fields; those of accounts are companies'. */
function addExternalIds(add: Add, context: Part): void {
  for (const part of objectsIn(context, 'externalIds')) {
    const [id, type, collection, encoding] = ['id', 'type', 'collection', 'encoding'].map((name) => fourth(part, name));
    if (type !== undefined && !EXTERNAL_TYPE.test(type)) note(part, 'type', 'id_invalid', 'The type of an external id has 1 to 64 characters of A–Z a–z 0–9 _ . -');
    else if (collection === 'users' && encoding === 'none') add(`external:${type}`, id);
  }
}

function fourth(part: Part, name: string): string | undefined {
  const before = part.faults.length;
  const value = textIn(part, name, LONGEST_ID);
  if (value === undefined && part.faults.length === before) note(part, name, 'validation_failed', 'An external id needs id, type, collection and encoding.');
  return value;
}

function addDevices(add: Add, context: Part): void {
  if (valueIn(context, 'device') === undefined) return;
  const device = objectIn(context, 'device');
  add('device', textIn(device, 'id', LONGEST_ID));
  if (flagIn(device, 'adTrackingEnabled') === false) return; // the person asked not to be followed by it
  add(advertisingKind(device, context), textIn(device, 'advertisingId', LONGEST_ID));
}

function advertisingKind(device: Part, context: Part): string {
  const os = valueIn(context, 'os');
  const platform = String(valueIn(device, 'type') ?? (isObject(os) ? os['name'] : '')).toLowerCase();
  if (platform === 'android') return 'gaid';
  return ['ios', 'ipados', 'iphone os'].includes(platform) ? 'idfa' : 'device';
}
