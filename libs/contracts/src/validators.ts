import type { Fault } from '@yunke/kernel';
import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv';
import { schemas } from './gen/schemas.js';
import { isTimestamp } from './timestamp.js';

const largest = 9e15;
const digits = /^-?\d+$/;
// More would tell nobody more.
const mostFaults = 50;

const firstFault = compiler({ all: false });
const allFaults = compiler({ all: true });

/**
 * What is wrong with a message that a publisher sent, at most 50 faults and one per place; empty when nothing is.
 * Nothing is coerced, and the value is not changed. Codes: `validation_failed` (wrong type, missing, too long, not one of the
 * values), `unknown_field`, `number_out_of_range` (not a whole number within ±9e15), `timestamp_out_of_range` (no RFC 3339
 * time with a zone, or a date that does not exist).
 */
export function validate(type: string, value: unknown): Fault[] {
  const isValid = firstFault(type);
  if (!isValid) return [{ pointer: '/type', code: 'validation_failed', message: 'This is not the name of a message.' }];
  // Collecting everything costs on every body, so only a bad one pays for it.
  if (isValid(value)) return [];
  const explain = allFaults(type)!;
  explain(value);
  const errors = explain.errors ?? [];
  explain.errors = null; // they hold the body
  return onePerPlace(errors.map(faultOf)).slice(0, mostFaults);
}

/** Gives the compiled check of a message; compiled when first needed, since a service checks few of all messages. */
function compiler({ all }: { all: boolean }): (type: string) => ValidateFunction | undefined {
  const compiled = new Map<string, ValidateFunction>();
  let ajv: Ajv | undefined;
  return (type) => {
    let check = compiled.get(type);
    if (!check && Object.hasOwn(schemas, type)) {
      ajv ??= newAjv(all);
      check = ajv.getSchema(schemas[type].$id as string)!;
      compiled.set(type, check);
    }
    return check;
  };
}

function newAjv(all: boolean): Ajv {
  const ajv = new Ajv({
    allErrors: all,
    verbose: all, // faultOf looks at the data and at its schema
    strict: true,
    allowUnionTypes: true,
    validateSchema: false, // they are generated; the spec checks them against the meta-schema
  });
  ajv.addKeyword('x-personal');
  ajv.addFormat('timestamp', isTimestamp);
  // A text that is no integer at all is the pattern's business.
  ajv.addFormat('int64', (text: string) => !digits.test(text) || Math.abs(Number(text)) <= largest);
  return ajv.addSchema(Object.values(schemas));
}

function onePerPlace(faults: Fault[]): Fault[] {
  const places = new Map<string, Fault>();
  for (const fault of faults) if (!places.has(fault.pointer)) places.set(fault.pointer, fault);
  return [...places.values()];
}

function faultOf(error: ErrorObject): Fault {
  const { keyword, params, instancePath: pointer } = error;
  if (keyword === 'additionalProperties') {
    return { pointer: `${pointer}/${escaped(params.additionalProperty)}`, code: 'unknown_field', message: 'This message has no such field.' };
  }
  if (keyword === 'required') {
    return { pointer: `${pointer}/${escaped(params.missingProperty)}`, code: 'validation_failed', message: 'This field is missing.' };
  }
  if (keyword === 'enum') return { pointer, code: 'validation_failed', message: `It must be one of: ${params.allowedValues.join(', ')}.` };
  if (keyword === 'format' && params.format === 'timestamp') {
    const message = 'It must be an RFC 3339 time with a zone, on a date that exists, in the years 1900 to 9999.';
    return { pointer, code: 'timestamp_out_of_range', message };
  }
  if (typesOf(error).includes('integer')) return integerFault(error);
  return { pointer, code: 'validation_failed', message: `It ${error.message}.` };
}

const typesOf = ({ parentSchema }: ErrorObject): unknown[] => [parentSchema?.type].flat();

/** A number, or digits where a text may stand, is of the right kind but cannot be held exactly; anything else is of the wrong kind. */
function integerFault(error: ErrorObject): Fault {
  const { instancePath: pointer, data, parentSchema } = error;
  const isNumber = typeof data === 'number' || (typeof data === 'string' && typesOf(error).includes('string') && digits.test(data));
  const message = `It must be a whole number from ${parentSchema?.minimum} to ${parentSchema?.maximum}.`;
  return { pointer, code: isNumber ? 'number_out_of_range' : 'validation_failed', message };
}

const escaped = (name: string) => name.replaceAll('~', '~0').replaceAll('/', '~1');
