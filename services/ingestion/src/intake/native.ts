import { validate, type Identifier, type Line } from '@yunke/contracts';
import { Problem, iso, lineTotalMinor, millis, minor, type Fault } from '@yunke/kernel';

import { scoped } from './observation.js';
import { ACCOUNT, FORESEEN, ID, fingerprint, idFault, mayHaveHappened, type Door, type Item, type Observation, type ObservationType } from './item.js';

const TYPES: ReadonlySet<string> = new Set<ObservationType>(['CustomerObserved', 'BehaviourObserved', 'CartObserved', 'OrderObserved', 'ShipmentObserved', 'ReturnObserved', 'StockObserved']);
const STAMPED = ['acceptedAt', 'source', 'verified', 'history'] as const;
/** Ids of the source's own, which get its name in front so that two shops' order 1 are two orders. */
const SCOPED = ['orderId', 'returnId', 'movementId'] as const;
const IDS = [...SCOPED, 'shipmentId', 'cartId', 'messageId'] as const;
const SUBJECT = new RegExp(`^(account|anonymous|order-contact):${ACCOUNT.source.slice(1)}`);
const INTEGERS = ['version', 'totalMinor', 'shippingMinor', 'taxMinor', 'discountMinor', 'refundMinor', 'quantity'] as const;
const WITH_LINES: ReadonlySet<string> = new Set<ObservationType>(['OrderObserved', 'ReturnObserved', 'CartObserved']);
const CANONICAL = /\.\d{3}Z$/;

type Body = Record<string, unknown> & { messageId: string; occurredAt: string; lines?: Line[]; currency?: string; identifiers?: Identifier[]; subject?: string };

/** An observation as a publisher sends it to `POST /v1/observations`: canonical proto3 JSON with its `type`. */
export function readNative(raw: unknown, door: Door): Item {
  const { type, messageId } = (raw ?? {}) as { type?: unknown; messageId?: unknown };
  const named = typeof messageId === 'string' && ID.test(messageId) ? messageId : undefined;
  const refused = (faults: Fault[]): Item => ({ messageId: named, raw, faults });
  if (typeof type !== 'string' || !TYPES.has(type)) return refused([{ pointer: '/type', code: 'validation_failed', message: `It must be one of: ${[...TYPES].join(', ')}.` }]);
  const faults = validate(type, raw);
  if (faults.length > 0) return refused(faults);
  const said = { ...(raw as Body) };
  const more = [...stampFaults(said), ...idFaults(said, door), ...timeFaults(said, door)];
  if (more.length > 0) return refused(more);
  try {
    complete(said, door, type);
  } catch (error) {
    if (error instanceof Problem) return refused([{ pointer: '', code: error.code === 'money.out_of_range' ? 'number_out_of_range' : 'amount_invalid', message: error.message }]);
    throw error;
  }
  const json = JSON.stringify(said);
  return { messageId: said.messageId, raw, fingerprint: fingerprint(`${type}\n${json}`), observations: [{ type, body: said, json } as unknown as Observation] };
}

const stampFaults = (body: Body): Fault[] => STAMPED.filter((name) => name in body && name !== 'source').map((name) => ({ pointer: `/${name}`, code: 'unknown_field', message: 'The door says this.' }));

function idFaults(body: Body, { source }: Door): Fault[] {
  const faults: Fault[] = [];
  for (const name of IDS) {
    const id = body[name];
    if (typeof id === 'string' && !ID.test(id)) faults.push(idFault(`/${name}`));
  }
  if (body['source'] !== undefined && body['source'] !== source) faults.push({ pointer: '/source', code: 'id_invalid', message: 'The write key belongs to another source.' });
  if (body.subject && !SUBJECT.test(scoped(body.subject, source).slice(source.length + 1))) faults.push({ ...idFault('/subject'), message: 'A subject is account:<id>, anonymous:<id> or order-contact:<id>.' });
  if (body.lines && new Set(body.lines.map(({ lineId }) => lineId)).size !== body.lines.length) faults.push({ pointer: '/lines', code: 'id_invalid', message: 'Two lines have the same id.' });
  return faults;
}

/** What is wrong with its times; those that are right become RFC 3339 in UTC with milliseconds. */
function timeFaults(body: Body, door: Door): Fault[] {
  const faults: Fault[] = [];
  for (const name in body) {
    if (!name.endsWith('At')) continue;
    const at = millis(body[name] as string);
    if (!FORESEEN.has(name) && !mayHaveHappened(at, door)) faults.push({ pointer: `/${name}`, code: 'timestamp_out_of_range', message: 'It must lie within the last 365 days (any past time for a source with history) and not after tomorrow.' });
    else if (!CANONICAL.test(body[name] as string)) body[name] = iso(at);
  }
  return faults;
}

/** Makes of it what the topic has: scoped, its lines totalled and its integers as text. It is changed in place: it is our own copy. */
function complete(said: Body, door: Door, type: string): void {
  said['type'] = undefined; // the record's header says it; JSON leaves it out
  for (const name of SCOPED) if (typeof said[name] === 'string') said[name] = scoped(said[name], door.source);
  for (const name of INTEGERS) if (said[name] !== undefined) said[name] = String(minor(said[name] as string));
  if (said.lines) said.lines = said.lines.map((line) => completeLine(line, said.currency));
  else if (WITH_LINES.has(type)) said.lines = [];
  requireAmounts(said, type);
  said['source'] = door.source;
  if (type === 'StockObserved' || type === 'ShipmentObserved') return;
  said.subject = subjectOf(said, door);
  said.identifiers ??= [];
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

