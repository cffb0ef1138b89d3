import { compareText, compareVersions, type Version } from '@yunke/kernel';
import { isMasked, isPlaceholder, parseSubject } from '../resolve/identifier.js';

/** The fields that a customer observation may fill, in the order in which a profile shows them. */
export const GOLDEN_FIELDS = [
  'name', 'firstName', 'lastName', 'email', 'phone', 'gender', 'birthday', 'country', 'region', 'city', 'postalCode', 'address',
  'language', 'timezone', 'marketingConsent',
] as const;

export type GoldenField = (typeof GOLDEN_FIELDS)[number];

/**
 * One field of one subject as last told. `value` is text, `true` or `false` for a consent; a larger `trust` wins;
 * `version` is [occurredAt, acceptedAt, messageId].
 */
export type Register = { value: string; trust: number; version: Version; source: string };
export type Registers = { [field in GoldenField]?: Register };

/** A field of a profile, and who said it when (milliseconds). */
export type Golden = { field: GoldenField; value: string; source: string; occurredAt: number };

/** What a subject's source told once: its fields beside who said it. An absent or empty field tells nothing. */
export type Told = { subject: string; verified: boolean; version: Version; marketingConsent?: boolean }
  & { [field in Exclude<GoldenField, 'marketingConsent'>]?: string };

/** Trust in sources that somebody has ranked, 0 to 99, larger first. Without a rank an account has 50 and other subjects 25. */
export type SourceTrust = Readonly<Record<string, number>>;

/** The registers that one observation fills. @throws subject.malformed */
export function registersOf(told: Told, ranks: SourceTrust = {}): Registers {
  const { source, kind } = parseSubject(told.subject);
  const rank = Object.hasOwn(ranks, source) ? ranks[source]! : kind === 'account' ? 50 : 25;
  const registers: Registers = {};
  for (const field of GOLDEN_FIELDS) {
    const value = told[field] === undefined ? '' : String(told[field]).trim();
    if (value && !isWordForNothing(field, value)) registers[field] = { value, trust: rank + trustIn(value, field, told.verified), version: told.version, source };
  }
  return registers;
}

/** A till that knows no e-mail sends `null`, and another a phone of zeroes. */
const isWordForNothing = (field: GoldenField, value: string): boolean => (field === 'email' || field === 'phone') && isPlaceholder(value);

/** 200 for what is verified, 100 for what is not, 0 for what is half hidden: no rank lifts a value over the next step. */
function trustIn(value: string, field: GoldenField, verified: boolean): number {
  if (isMasked(value)) return 0;
  // A refusal needs no proof: who withdraws consent in a browser is heard, who gives it there overrules no verified word.
  const refusal = field === 'marketingConsent' && value === 'false';
  return verified || refusal ? 200 : 100;
}

/** The register to keep of two: more trusted, then more recent. Commutative, associative, idempotent. */
export function mergeRegister(a: Register, b: Register): Register {
  const order = a.trust - b.trust || compareVersions(a.version, b.version) || compareText(a.source, b.source) || compareText(a.value, b.value);
  return order >= 0 ? a : b;
}

/** Field by field. Commutative, associative, idempotent. */
export function mergeRegisters(a: Registers, b: Registers): Registers {
  const merged: Registers = { ...a };
  for (const field of GOLDEN_FIELDS) {
    const [left, right] = [a[field], b[field]];
    if (right) merged[field] = left ? mergeRegister(left, right) : right;
  }
  return merged;
}

/** Registers as they are stored: each observation once, and fields that point at it. */
export type Packed = { readonly by: [...Version, source: string][]; readonly fields: { [field in GoldenField]?: [value: string, trust: number, by: number] } };

export function pack(registers: Registers): Packed {
  const packed: Packed = { by: [], fields: {} };
  for (const field of GOLDEN_FIELDS) {
    const register = registers[field];
    if (!register) continue;
    const { value, trust, source, version: [occurredAt, acceptedAt, messageId] } = register;
    const known = packed.by.findIndex((one) => one[0] === occurredAt && one[1] === acceptedAt && one[2] === messageId && one[3] === source);
    packed.fields[field] = [value, trust, known < 0 ? packed.by.push([occurredAt, acceptedAt, messageId, source]) - 1 : known];
  }
  return packed;
}

export function unpack({ by, fields }: Packed): Registers {
  const registers: Registers = {};
  for (const [field, [value, trust, place]] of Object.entries(fields) as [GoldenField, [string, number, number]][]) {
    const [occurredAt, acceptedAt, messageId, source] = by[place]!;
    registers[field] = { value, trust, version: [occurredAt, acceptedAt, messageId], source };
  }
  return registers;
}

/** Whether any of `more` stands against `known`. */
export function addsTo(known: Registers, more: Registers): boolean {
  const merged = mergeRegisters(known, more);
  return GOLDEN_FIELDS.some((field) => merged[field] !== known[field]);
}

/**
 * The golden record of the members' registers, in the order of `GOLDEN_FIELDS`: per field the most trusted, then the most
 * recent. Consent is the most restrictive of the members' own: one who refuses refuses for the person; nobody's word is no consent.
 */
export function fold(members: readonly Registers[]): Golden[] {
  return GOLDEN_FIELDS.flatMap((field) => {
    const told = members.flatMap((member) => member[field] ?? []);
    const refusals = field === 'marketingConsent' ? told.filter(({ value }) => value === 'false') : [];
    const [first, ...rest] = refusals.length > 0 ? refusals : told;
    if (!first) return [];
    const { value, source, version } = rest.reduce(mergeRegister, first);
    return [{ field, value, source, occurredAt: version[0] }];
  });
}
