import { validate, type Identifier, type Line } from '@yunke/contracts';
import { Problem, iso, lineTotalMinor, millis, minor, type Fault } from '@yunke/kernel';

import { scoped } from './observation.js';
import { ACCOUNT, ID, fingerprint, idFault, isPast, mayHaveHappened, worded, type Door, type Item, type Observation, type ObservationType } from './item.js';

/** By the text that came, the one of ours: to find a member by any other text costs the runtime a search. */
const TYPES: ReadonlyMap<string, ObservationType> = new Map((['CustomerObserved', 'BehaviourObserved', 'CartObserved', 'OrderObserved', 'ShipmentObserved', 'ReturnObserved', 'StockObserved'] as const).map((type) => [type, type]));
const SUBJECT = new RegExp(`^(account|anonymous|order-contact):${ACCOUNT.source.slice(1)}`);
const WITH_LINES: ReadonlySet<string> = new Set<ObservationType>(['OrderObserved', 'ReturnObserved', 'CartObserved']);
const CANONICAL = /\.\d{3}Z$/;

/** What the door does with a field. A scoped id is the source's own and gets its name in front, so that two shops' order 1 are two orders. */
type Kind = 'stamped' | 'source' | 'id' | 'scoped id' | 'integer' | 'subject' | 'lines' | 'time';
const KINDS: ReadonlyMap<string, Kind> = new Map(Object.entries({
  acceptedAt: 'stamped', verified: 'stamped', history: 'stamped', source: 'source',
  messageId: 'id', shipmentId: 'id', cartId: 'id', orderId: 'scoped id', returnId: 'scoped id', movementId: 'scoped id',
  version: 'integer', totalMinor: 'integer', shippingMinor: 'integer', taxMinor: 'integer', discountMinor: 'integer', refundMinor: 'integer', quantity: 'integer',
  subject: 'subject', lines: 'lines',
}));

/** The first fault names the refusal, in whatever order the fields came. */
const RANK: readonly (Kind | undefined)[] = ['stamped', 'scoped id', 'id', 'source', 'subject', 'lines', undefined];
const rankOf = ({ pointer }: Fault): number => RANK.indexOf(KINDS.get(pointer.slice(1)));

type Body = Record<string, unknown> & { messageId: string; occurredAt: string; lines?: Line[]; currency?: string; identifiers?: Identifier[]; subject?: string };

/** An observation as a publisher sends it to `POST /v1/observations`: canonical proto3 JSON with its `type`. `asItCame` gives it once more. */
export function readNative(raw: unknown, door: Door, asItCame: () => unknown = () => raw): Item {
  const { type: said, messageId } = (raw ?? {}) as { type?: unknown; messageId?: unknown };
  const type = TYPES.get(said as string);
  const refused = (faults: readonly Fault[]): Item => ({ messageId: typeof messageId === 'string' && ID.test(messageId) ? messageId : undefined, raw: asItCame, faults });
  if (type === undefined) return refused([{ pointer: '/type', code: 'validation_failed', message: `It must be one of: ${[...TYPES.keys()].join(', ')}.` }]);
  const faults = validate(type, raw);
  if (faults.length > 0) return refused(faults);
  const body = { ...(raw as Body) };
  try {
    for (const name in body) {
      const fault = readField(body, name, door);
      if (fault) faults.push(fault);
    }
    if (faults.length > 0) return refused(faults.sort((one, other) => rankOf(one) - rankOf(other)));
    complete(body, door, type);
  } catch (error) {
    if (error instanceof Problem) return refused([{ pointer: '', code: error.code === 'money.out_of_range' ? 'number_out_of_range' : 'amount_invalid', message: error.message }]);
    throw error;
  }
  const json = JSON.stringify(body);
  return { messageId: body.messageId, raw: asItCame, fingerprint: fingerprint(`${type}\n${json}`), observations: [worded({ type, body } as unknown as Observation, json)] };
}

/** Brings a field of our own copy into the form that the topic has. Returns what the contract's schema cannot tell to be wrong with it. */
function readField(body: Body, name: string, door: Door): Fault | undefined {
  const value = body[name] as string;
  switch (KINDS.get(name) ?? (name.endsWith('At') ? 'time' : undefined)) {
    case 'time': {
      const at = millis(value);
      if (isPast(name) && !mayHaveHappened(at, door)) return { pointer: `/${name}`, code: 'timestamp_out_of_range', message: 'It must lie within the last 365 days (any past time for a source with history) and not after tomorrow.' };
      if (!CANONICAL.test(value)) body[name] = iso(at);
      return undefined;
    }
    case 'id':
      return ID.test(value) ? undefined : idFault(`/${name}`);
    case 'scoped id':
      if (!ID.test(value)) return idFault(`/${name}`);
      body[name] = scoped(value, door.source);
      return undefined;
    case 'integer':
      body[name] = String(minor(value));
      return undefined;
    case 'lines':
      return new Set(body.lines!.map(({ lineId }) => lineId)).size === body.lines!.length ? undefined : { pointer: '/lines', code: 'id_invalid', message: 'Two lines have the same id.' };
    case 'subject':
      return value === '' || SUBJECT.test(scoped(value, door.source).slice(door.source.length + 1)) ? undefined : { ...idFault('/subject'), message: 'A subject is account:<id>, anonymous:<id> or order-contact:<id>.' };
    case 'source':
      return value === door.source ? undefined : { ...idFault('/source'), message: 'The write key belongs to another source.' };
    case 'stamped':
      return { pointer: `/${name}`, code: 'unknown_field', message: 'The door says this.' };
    case undefined:
      return undefined;
  }
}

/** Adds what the topic has beyond what was said. */
function complete(body: Body, door: Door, type: ObservationType): void {
  body['type'] = undefined; // the record's header says it; JSON leaves it out
  if (body.lines) body.lines = body.lines.map((line) => completeLine(line, body.currency));
  else if (WITH_LINES.has(type)) body.lines = [];
  requireAmounts(body, type);
  body['source'] = door.source;
  if (type === 'StockObserved' || type === 'ShipmentObserved') return;
  body.subject = subjectOf(body, door);
  body.identifiers ??= [];
}

function completeLine(line: Line, currency: string | undefined): Line {
  const quantity = minor(line.quantity);
  const given = line.totalMinor as string | undefined;
  if (given === undefined && (line.unitPrice === undefined || currency === undefined)) throw new Problem('invalid', 'line.total_missing', 'A line needs totalMinor, or unitPrice and the currency of the order.');
  const total = given === undefined ? lineTotalMinor(quantity, line.unitPrice!, currency!) : minor(given);
  return { ...line, quantity: String(quantity), totalMinor: String(total) };
}

/** What no shop means: an order of less than nothing, a refund that takes money. */
function requireAmounts(body: Record<string, unknown>, type: string): void {
  for (const name of ['totalMinor', 'refundMinor']) if (Number(body[name] ?? 0) < 0) throw new Problem('invalid', 'amount.negative', `${name} must not be negative.`);
  if (type === 'OrderObserved' && (body['lines'] as Line[] | undefined)?.some(({ quantity }) => Number(quantity) <= 0)) throw new Problem('invalid', 'amount.negative', 'The quantity of an order line must be positive; goods that come back are a return.');
}

/** The subject: as said, else the one account, the anonymous id, or for an order its own contact; empty when nothing tells who it is. */
export function subjectOf(body: { subject?: string; orderId?: unknown; email?: unknown; phone?: unknown }, { source }: Door): string {
  if (body.subject) return scoped(body.subject, source);
  if (typeof body.orderId === 'string' && (body.email || body.phone)) return `${source}:order-contact:${body.orderId.slice(source.length + 1)}`;
  return '';
}

