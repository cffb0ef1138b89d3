import { Problem, type Fault } from '@yunke/kernel';

import { fieldsOf, valueAt } from './fields.js';

type Scalar = string | number | boolean;

/**
 * What a fact must be for a rule to fire: a tree over its fields. `is` and `in` compare texts; `atLeast` and `atMost` compare
 * numbers, also those that the contract writes as text. A field that is absent fulfils nothing but `exists: false`.
 */
export type Condition =
  | { readonly all: readonly Condition[] }
  | { readonly any: readonly Condition[] }
  | { readonly not: Condition }
  | { readonly field: string; readonly is?: Scalar; readonly in?: readonly Scalar[]; readonly atLeast?: number; readonly atMost?: number; readonly exists?: boolean };

const DEEPEST = 8;
const MOST = 50;

/** Whether the condition holds of a fact; without one it does. */
export function holds(condition: Condition | undefined, body: unknown): boolean {
  if (condition === undefined) return true;
  if ('all' in condition) return condition.all.every((one) => holds(one, body));
  if ('any' in condition) return condition.any.some((one) => holds(one, body));
  if ('not' in condition) return !holds(condition.not, body);
  const value = valueAt(body, condition.field);
  if (condition.exists !== undefined && condition.exists !== (value !== undefined)) return false;
  if (condition.is !== undefined && !same(value, condition.is)) return false;
  if (condition.in !== undefined && !condition.in.some((one) => same(value, one))) return false;
  if (condition.atLeast !== undefined && !(numberOf(value) >= condition.atLeast)) return false;
  return condition.atMost === undefined || numberOf(value) <= condition.atMost;
}

const same = (value: unknown, wanted: Scalar): boolean => value !== undefined && String(value) === String(wanted);
const numberOf = (value: unknown): number => (typeof value === 'number' || (typeof value === 'string' && value.trim() !== '') ? Number(value) : Number.NaN);

/** A condition on a fact's fields, as somebody wrote it. @throws condition.invalid with a pointer per fault, below `/condition` */
export function conditionOf(value: unknown, fact: string): Condition {
  const faults: Fault[] = [];
  const known = fieldsOf(fact);
  let count = 0;
  const fail = (pointer: string, code: string, message: string): void => void faults.push({ pointer, code, message });
  const check = (node: unknown, pointer: string, depth: number): void => {
    if ((count += 1) > MOST || depth > DEEPEST) return fail(pointer, 'condition_too_large', `A condition has at most ${MOST} parts, ${DEEPEST} deep.`);
    if (typeof node !== 'object' || node === null || Array.isArray(node)) return fail(pointer, 'condition_malformed', 'A condition is an object.');
    const names = Object.keys(node);
    const list = (node as { all?: unknown; any?: unknown }).all ?? (node as { any?: unknown }).any;
    if (names.length === 1 && (names[0] === 'all' || names[0] === 'any') && Array.isArray(list)) return list.forEach((one, index) => check(one, `${pointer}/${names[0]}/${index}`, depth + 1));
    if (names.length === 1 && names[0] === 'not') return check((node as { not: unknown }).not, `${pointer}/not`, depth + 1);
    checkLeaf(node as Record<string, unknown>, known, (code, message) => fail(pointer, code, message));
  };
  check(value, '/condition', 1);
  if (faults.length > 0) throw new Problem('invalid', 'condition.invalid', 'The condition is not valid.', { errors: faults.slice(0, MOST) });
  return value as Condition;
}

const TYPES: Readonly<Record<string, (value: unknown) => boolean>> = {
  is: isScalar, in: (value) => Array.isArray(value) && value.length > 0 && value.every(isScalar),
  atLeast: Number.isFinite, atMost: Number.isFinite, exists: (value) => typeof value === 'boolean',
};

function isScalar(value: unknown): value is Scalar {
  return ['string', 'boolean'].includes(typeof value) || Number.isFinite(value);
}

function checkLeaf({ field, ...operators }: Record<string, unknown>, known: ReadonlySet<string>, fail: (code: string, message: string) => void): void {
  if (typeof field !== 'string' || !known.has(field)) return fail('field_unknown', 'The fact has no such field.');
  const entries = Object.entries(operators);
  if (entries.length === 0 || entries.some(([name, value]) => !Object.hasOwn(TYPES, name) || !TYPES[name]!(value))) fail('operator_invalid', 'Compare the field by is, in, atLeast, atMost or exists, with a value that fits.');
}
