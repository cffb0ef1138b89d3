import type { Fact, ReturnObserved } from '@yunke/contracts';
import { compareVersions, iso, millis, minor, reasonOf, type Millis, type Version } from '@yunke/kernel';

import type { Because } from '../order/order-change.js';
import { versionOf, type OrderReturn } from '../order/order.js';

type Fields = { subject?: string; orderId?: string; currency?: string; refundMinor?: number; requestedAt?: Millis; receivedAt?: Millis; refundedAt?: Millis };

/** The fold of everything observed about one return: each field is a register merged by version. */
export type Return = {
  readonly id: string;
  /** How many facts were said of it. */
  readonly seq: number;
  readonly fields: { readonly [F in keyof Fields]?: readonly [value: Fields[F] & {}, version: Version] };
  /** Every subject that an observation ever named, sorted. */
  readonly subjects: readonly string[];
};

export const unknownReturn = (id: string): Return => ({ id, seq: 0, fields: {}, subjects: [] });

/** The values of a return now. */
export const valuesOf = ({ fields }: Return): Fields => Object.fromEntries(Object.entries(fields).map(([name, [value]]) => [name, value])) as Fields;

/** The return after one more observation: per field the larger version speaks, whenever it arrives. */
export function observe(held: Return, seen: ReturnObserved): Return {
  const version = versionOf(seen);
  const sum = seen.lines.length === 0 ? undefined : seen.lines.reduce((total, { totalMinor }) => total + Math.abs(minor(totalMinor)), 0);
  const said: Fields = { subject: seen.subject || undefined, orderId: seen.orderId, currency: seen.currency || undefined, refundMinor: seen.refundMinor === undefined ? sum : minor(seen.refundMinor),
    requestedAt: time(seen.requestedAt), receivedAt: time(seen.receivedAt), refundedAt: time(seen.refundedAt) } as Fields;
  const fields = { ...held.fields } as Record<string, readonly [unknown, Version]>;
  for (const [name, value] of Object.entries(said)) {
    if (value !== undefined && (!fields[name] || compareVersions(version, fields[name][1]) > 0)) fields[name] = [value, version];
  }
  const subjects = seen.subject && !held.subjects.includes(seen.subject) ? [...held.subjects, seen.subject].sort() : held.subjects;
  return { ...held, fields: fields as Return['fields'], subjects };
}

const time = (text: string | undefined): Millis | undefined => (text === undefined ? undefined : millis(text));

/** What the return means for the order it points at. */
export function forOrder(one: Return): OrderReturn {
  const { refundMinor = 0, currency, refundedAt, receivedAt } = valuesOf(one);
  return { refundMinor, ...(currency !== undefined && { currency }), ...(refundedAt !== undefined && { refundedAt }), ...(receivedAt !== undefined && { receivedAt }) };
}

/** A return without an order to point at lowers net revenue by itself: said whenever that amount, its time or its subject changes. */
export function record(before: Return, after: Return, because: Because): { state: Return; facts: Fact[] } {
  const [was, is] = [standsAlone(before), standsAlone(after)];
  if (JSON.stringify(was) === JSON.stringify(is)) return { state: after, facts: [] };
  const effectiveAt = is.at ?? was.at ?? because.occurredAt;
  const { subject = '', currency = '' } = valuesOf(after);
  const state = { ...after, seq: after.seq + 1 };
  const body = { returnId: after.id, seq: String(state.seq), effectiveAt: iso(effectiveAt), acceptedAt: iso(because.acceptedAt), reason: reasonOf(because, effectiveAt), cause: because.id,
    subject, formerSubjects: after.subjects.filter((one) => one !== subject), currency, refundMinor: String(is.minor) };
  return { state, facts: [{ type: 'ReturnRecorded', body }] };
}

function standsAlone(one: Return): { minor: number; at?: Millis; subject?: string; currency?: string } {
  const { orderId, refundedAt, refundMinor = 0, subject = '', currency = '' } = valuesOf(one);
  return orderId === undefined && refundedAt !== undefined ? { minor: refundMinor, at: refundedAt, subject, currency } : { minor: 0 };
}
