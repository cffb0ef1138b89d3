import type { LoggerService } from '@nestjs/common';
import { pino, type Logger } from 'pino';

import { Problem } from '@yunke/kernel';
import { codeOf } from '@yunke/postgres';

export type { Logger } from 'pino';

/** JSON lines without personal data: of an error only its name, its code and the frames, since its text may quote a record. */
export function createLogger(level: string): Logger {
  return pino({ level, base: { pid: process.pid }, serializers: { error: describeError, err: describeError } });
}

function describeError(error: unknown): object {
  if (typeof error === 'string') return { name: error.slice(0, 200) }; // kafkajs says only this much; it never names a record
  if (!(error instanceof Error)) return { name: typeof error };
  const frames = error.stack?.split('\n').filter((line) => /^\s+at /.test(line)).slice(0, 12);
  return { name: error.name, code: codeOf(error), ...(error instanceof Problem && { message: error.message }), frames };
}

const errorIn = (words: readonly unknown[]): Error | undefined => words.find((word): word is Error => word instanceof Error);

/** Nest's own messages, through pino; its chatter about routes stays at debug. */
export function nestLogger(logger: Logger): LoggerService {
  const text = (message: unknown): string => (typeof message === 'string' ? message : message instanceof Error ? message.name : 'message');
  return {
    log: (message: unknown) => logger.debug(text(message)),
    error: (...words: unknown[]) => logger.error({ error: errorIn(words) }, text(words[0])),
    warn: (...words: unknown[]) => logger.warn({ error: errorIn(words) }, text(words[0])),
    debug: (message: unknown) => logger.trace(text(message)),
    verbose: (message: unknown) => logger.trace(text(message)),
  };
}
