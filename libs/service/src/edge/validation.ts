import { ValidationPipe, type ValidationError } from '@nestjs/common';
import { Problem, type Fault } from '@yunke/kernel';

const MOST_FAULTS = 100;

/**
 * Refuses unknown fields and wrong types; converts nothing on its own.
 * A validator may name its code: `@Max(200, { context: { code: 'limit_too_large' } })`.
 * @throws validation_failed, or the code that all faults share when it is `unknown_field` or one named in a context: 422
 */
export const validationPipe = () =>
  new ValidationPipe({ whitelist: true, forbidNonWhitelisted: true, transform: true, exceptionFactory: invalid });

type NamedFault = Fault & { named: boolean };

function invalid(errors: ValidationError[]): Problem {
  const faults = errors.flatMap((error) => faultsOf(error, ''));
  const [first] = faults;
  const shared = faults.every((fault) => fault.named && fault.code === first.code);
  return new Problem('invalid', shared && first ? first.code : 'validation_failed', 'The input is not valid.', {
    errors: faults.slice(0, MOST_FAULTS).map(({ pointer, code, message }) => ({ pointer, code, message })),
  });
}

function faultsOf(error: ValidationError, parent: string): NamedFault[] {
  const pointer = `${parent}/${error.property.replaceAll('~', '~0').replaceAll('/', '~1')}`;
  const own = Object.entries(error.constraints ?? {}).map(([constraint, message]) => {
    if (constraint === 'whitelistValidation') return unknownField(error.property, parent, pointer);
    const code: unknown = error.contexts?.[constraint]?.code;
    return { pointer, code: typeof code === 'string' ? code : snakeCase(constraint), message, named: typeof code === 'string' };
  });
  return [...own, ...(error.children ?? []).flatMap((child) => faultsOf(child, pointer))];
}

/** The name of an unknown field is input: it is repeated only when it looks like a name, else its object is pointed at. */
function unknownField(name: string, parent: string, pointer: string): NamedFault {
  const plain = /^[A-Za-z_][A-Za-z0-9_-]{0,63}$/.test(name);
  return { pointer: plain ? pointer : parent, code: 'unknown_field', message: 'This field is not known.', named: true };
}

const snakeCase = (name: string) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
