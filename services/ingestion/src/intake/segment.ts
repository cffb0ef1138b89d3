import { randomUUID } from 'node:crypto';

import { iso, type Fault, type Millis } from '@yunke/kernel';

import { fingerprint, worded, type Door, type Item, type Observation } from './item.js';
import { SEGMENT_TYPES, behaviour, personIn, type Call, type SegmentType } from './segment-call.js';
import { CART_EVENTS, ORDER_EVENTS } from './segment-commerce.js';
import { alias, consent, customer } from './segment-customer.js';
import { LONGEST_ID, NOTHING, idIn, isObject, note, objectIn, required, textIn, valueIn, type Part } from './segment-part.js';
import { isLargerThan } from './segment-size.js';
import { calledAt, instantIn } from './segment-times.js';

export { SEGMENT_TYPES, type SegmentType } from './segment-call.js';

type Fields = Part['fields'];

/** Segment's limit for one event. */
const LARGEST_EVENT = 32 * 1024;
// More would tell nobody more.
const MOST_FAULTS = 50;
const CONSENT_CHANGED = 'Segment Consent Preference Updated';

/** What the path or the batch says of a call beside the call itself. */
type Envelope = { readonly type?: SegmentType; readonly sentAt?: Millis; readonly shared?: Fields; readonly faults?: readonly Fault[] };

/**
 * One call of the Segment-compatible API: what it tells, or what is wrong with it; nothing that JSON can hold makes it throw.
 * `type` is the path's; without it the call says its own. Codes of faults: `validation_failed`, `id_invalid`, `timestamp_out_of_range`,
 * `number_out_of_range`, `amount_invalid`, `event_too_large`.
 */
export const readSegment = (raw: unknown, door: Door, type?: SegmentType): Item => read(raw, door, { type });

/** What came to `/v1/<path>`: one call, or a batch with the context and the sending time that its calls share. */
export function readSegmentBatch(body: unknown, door: Door, path: SegmentType | 'batch'): Item[] {
  if (path !== 'batch') return [readSegment(body, door, path)];
  const faults: Fault[] = [];
  const batch: Part = { fields: isObject(body) ? body : NOTHING, pointer: '', faults };
  const calls = valueIn(batch, 'batch');
  if (!Array.isArray(calls)) return [{ messageId: undefined, raw: () => kept(body), faults: [{ pointer: '/batch', code: 'validation_failed', message: 'It must be a list of calls.' }] }];
  const [context, integrations] = [objectIn(batch, 'context').fields, objectIn(batch, 'integrations').fields];
  const shared = context === NOTHING && integrations === NOTHING ? undefined : { context, integrations };
  const envelope = { sentAt: instantIn(batch, 'sentAt'), shared, faults };
  return calls.map((call: unknown) => read(call, door, envelope));
}

function read(given: unknown, door: Door, { type, sentAt, shared, faults = [] }: Envelope): Item {
  if (!isObject(given)) return { messageId: undefined, raw: () => given, faults: [{ pointer: '', code: 'validation_failed', message: 'A call must be an object.' }] };
  const said = shared ? withShared(given, shared) : given;
  const root: Part = { fields: said, pointer: '', faults: [...faults] };
  const messageId = messageIdIn(root, door);
  // As it came: what a batch shares may be large, and would be held once for each of its calls.
  if (isLargerThan(LARGEST_EVENT, said)) return { messageId: messageId || undefined, raw: () => kept(given, type), faults: [{ pointer: '', code: 'event_too_large', message: 'An event has at most 32 KB and 32 levels.' }] };
  const before = root.faults.length;
  const at = calledAt(root, door, sentAt);
  const isDated = root.faults.length === before;
  const observation = observe(root, door, { type, messageId, occurredAt: iso(at) });
  if (observation && root.faults.length === 0) {
    const raw = JSON.stringify(kept(said, type)); // and not the observation: when it occurred may follow from when it came
    return { messageId, raw: parsing(raw), fingerprint: fingerprint(raw), observations: [worded(observation)] };
  }
  return { messageId: messageId || undefined, raw: () => (isDated ? datedAt(at, kept(said, type)) : kept(said, type)), faults: onePerPlace(root.faults) };
}

/** A function of its own, so that it holds the text and nothing else of the call. */
const parsing = (text: string) => (): unknown => JSON.parse(text);

/** What a call says itself goes before what the batch shares. A context that is no object stays, to be told so. */
function withShared(call: Fields, shared: Fields): Fields {
  const merged = (name: string): unknown => (isObject(call[name] ?? NOTHING) ? { ...(shared[name] as Fields), ...(call[name] as Fields) } : call[name]);
  return { ...call, context: merged('context'), integrations: merged('integrations') };
}

/**
 * A call as it is kept: with the type that its path gave it, without the key to the door, and without what the libraries change each
 * time they repeat it (`sentAt`, `_metadata.retryCount`), so that a repetition is known for one.
 */
function kept(said: unknown, type?: SegmentType): unknown {
  if (!isObject(said)) return said;
  const hasType = type === undefined || said['type'] === type;
  if (hasType && !('writeKey' in said || '_metadata' in said || 'sentAt' in said)) return said;
  const { writeKey: _, _metadata: __, sentAt: ___, ...raw } = said;
  return hasType ? raw : { ...raw, type };
}

/** For the quarantine: whenever the call is read again, it is as old as it is now. */
function datedAt(at: Millis, raw: unknown): unknown {
  const { originalTimestamp: _, ...rest } = raw as Fields;
  return { ...rest, timestamp: iso(at) };
}

/** A page that sends no id is old or made by hand, and its event counts; a server must be able to repeat itself. */
function messageIdIn(root: Part, door: Door): string {
  if (door.kind === 'server') return required(root, 'messageId', idIn);
  const before = root.faults.length;
  return idIn(root, 'messageId') ?? (root.faults.length === before ? randomUUID() : '');
}

function observe(root: Part, door: Door, { type = typeIn(root), messageId, occurredAt }: { type?: SegmentType; messageId: string; occurredAt: string }): Observation | undefined {
  if (type === undefined) return undefined;
  const context = objectIn(root, 'context');
  const content = objectIn(root, type === 'identify' || type === 'group' ? 'traits' : 'properties');
  const known = objectIn(context, 'traits');
  const { subject, identifiers } = personIn({ type, door, root, context, known, content });
  return READERS[type]({ type, door, root, context, known, content, messageId, occurredAt, subject, identifiers });
}

function typeIn(root: Part): SegmentType | undefined {
  const type = SEGMENT_TYPES.find((known) => known === root.fields['type']);
  if (type === undefined) note(root, 'type', 'validation_failed', `It must be one of: ${SEGMENT_TYPES.join(', ')}.`);
  return type;
}

const READERS: Record<SegmentType, (call: Call) => Observation> = {
  identify: customer,
  track,
  page: (call) => behaviour(call, 'page', textIn(call.root, 'name', LONGEST_ID) ?? ''),
  screen: (call) => behaviour(call, 'screen', textIn(call.root, 'name', LONGEST_ID) ?? ''),
  group: (call) => behaviour(call, 'group', required(call.root, 'groupId', (part, name) => textIn(part, name, LONGEST_ID))),
  alias,
};

function track(call: Call): Observation {
  const event = required(call.root, 'event', (part, name) => textIn(part, name, LONGEST_ID));
  const commerce = CART_EVENTS.get(event) ?? (call.door.kind === 'server' ? ORDER_EVENTS.get(event) : undefined);
  if (commerce) return commerce(call);
  return event === CONSENT_CHANGED && valueIn(call.context, 'consent') !== undefined ? consent(call) : behaviour(call, 'track', event);
}

function onePerPlace(faults: readonly Fault[]): Fault[] {
  const places = new Map<string, Fault>();
  for (const fault of faults) if (!places.has(fault.pointer)) places.set(fault.pointer, fault);
  return [...places.values()].slice(0, MOST_FAULTS);
}
