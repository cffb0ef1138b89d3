import { Problem } from '@yunke/kernel';

// Postgres' classes (Appendix A of its manual): connection, serialization, resources, shutdown, lock timeout, cancelled statement.
const TRANSIENT_STATE = /^(08...|40001|40P01|53...|57P0.|57014|55P03|25P03|58...)$/;
const TRANSIENT_NETWORK = new Set(['ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'EAI_AGAIN', 'ENOTFOUND', 'EHOSTUNREACH', 'ENETUNREACH']);
const TRANSIENT_TEXT = /Connection terminated|timeout exceeded when trying to connect|Client has encountered a connection error|not queryable|connection is closed/i;

/** The SQLSTATE or the network code of an error, whoever wrapped it. */
export function codeOf(error: unknown): string | undefined {
  const { code, driverError } = (error ?? {}) as { code?: unknown; driverError?: { code?: unknown } };
  const found = driverError?.code ?? code;
  return typeof found === 'string' ? found : undefined;
}

export const SILENCE = 'The database does not answer.';
/** The server has not answered, not even that it gave up: the connection leads nowhere any more. */
const isSilence = (error: unknown): boolean => error instanceof Error && error.message === SILENCE;

/** The connection is no good any more: it is silent, or it has been emptied of what it had prepared. */
export const isLost = (error: unknown): error is Error => isSilence(error) || codeOf(error) === '26000';

/** A prepared statement's result has other columns since a migration. */
export const isPlanOutdated = (error: unknown): boolean => error instanceof Error && error.message.includes('cached plan must not change result type');

/** Whether trying the same thing again can help: an outage, a deadlock, a full disk; never a broken rule. */
export function isTransient(error: unknown): boolean {
  if (error instanceof Problem) return error.kind === 'unavailable';
  const code = codeOf(error);
  if (code !== undefined && (TRANSIENT_STATE.test(code) || TRANSIENT_NETWORK.has(code))) return true;
  return isPlanOutdated(error) || isSilence(error) || (error instanceof Error && TRANSIENT_TEXT.test(error.message));
}
