/** What went wrong, in the caller's terms. The HTTP edge maps each kind to a status; the listener retries `unavailable` only. */
export type ProblemKind = 'invalid' | 'forbidden' | 'not_found' | 'conflict' | 'too_large' | 'unavailable';

/** One fault of an input: an RFC 6901 pointer, a stable code, and a sentence that repeats nothing of the input. */
export type Fault = { pointer: string; code: string; message: string };

export type ProblemDetails = { errors?: Fault[]; status?: number; retryAfterSeconds?: number };

/**
 * The one error class of the platform.
 * `code` is `noun.reason` (`order.not_found`) and never changes; `message` is for people.
 */
export class Problem extends Error {
  constructor(
    readonly kind: ProblemKind,
    readonly code: string,
    message: string,
    readonly details: ProblemDetails = {},
  ) {
    super(message);
    this.name = 'Problem';
  }
}

/** The value, or a `not_found` problem with this code. */
export function present<T>(value: T | null | undefined, code: string): T {
  if (value === null || value === undefined) throw new Problem('not_found', code, 'It does not exist.');
  return value;
}
