import { setTimeout as pause } from 'node:timers/promises';

import { applyDecorators, Catch, UseFilters, type RpcExceptionFilter } from '@nestjs/common';
import { Ctx, EventPattern, Payload, Server, type CustomTransportStrategy } from '@nestjs/microservices';
import { lastValueFrom, isObservable } from 'rxjs';

import { streams, type Stream } from '@yunke/contracts';
import { Problem } from '@yunke/kernel';
import type { Tx } from '@yunke/postgres';

import type { Batch } from './batch.js';
import type { ConsumeOptions, Consumption } from './log.js';
import { Listener, type Hearing, type ListenerOptions } from './listener.js';

const LOG = Symbol('yunke.log');

/** Nest would turn an error into a message for a caller; the listener needs the error itself, to tell an outage from a bug. */
@Catch()
class Rethrow implements RpcExceptionFilter {
  catch(error: unknown): never {
    throw error;
  }
}

/** A method that our own transports call as `(what, tx)`: both arguments arrive, and errors leave, as they are. */
export function calledWithTx(pattern: string, transport: symbol, extras: Record<string, unknown> = {}): MethodDecorator {
  return ((target: object, name: string, descriptor: PropertyDescriptor) => {
    Payload()(target, name, 0);
    Ctx()(target, name, 1);
    applyDecorators(EventPattern<string>(pattern, transport, extras), UseFilters(Rethrow))(target, name, descriptor);
  }) as MethodDecorator;
}

/**
 * Hears a stream: `(batch: Batch<typeof stream>, tx: Tx)`. The batch is in order per key, nothing in it was heard
 * before; whatever the method does through `tx` takes effect once, together with the position. No HTTP and no other I/O inside.
 */
export function On(stream: Stream): MethodDecorator {
  return calledWithTx(stream.topic, LOG);
}

/**
 * For a service's own state topic, which is compacted: hears only records that were in the log before, or are of another epoch of
 * the database. Compaction may keep such a copy as the last one of its key, so the method says these keys' present state again.
 */
export function OnCopies(stream: Stream): MethodDecorator {
  return calledWithTx(stream.topic, LOG, { copiesOnly: true });
}

export type LogTransportOptions = Omit<ListenerOptions, 'hearings'> & { readonly group: string; readonly failed: (error: unknown) => void };

/** Nest's door to the log: owns the consumer loop and calls the methods that `@On` marks. */
export class LogTransport extends Server implements CustomTransportStrategy {
  override transportId = LOG;
  override readonly propagatesEventHandlerErrors = true; // else Nest logs a handler's error and the position would move past it
  #consumption: Consumption | undefined;
  listener: Listener | undefined;

  constructor(private readonly options: LogTransportOptions) {
    super();
  }

  /** The topics that the service's handlers hear. */
  get topics(): string[] {
    return [...this.messageHandlers.keys()];
  }

  listen(done: (error?: unknown) => void): void {
    this.#start().then(() => done(), done);
  }

  async close(): Promise<void> {
    await this.#consumption?.stop();
  }

  on(): never {
    throw new Error('The log has no events of its own.');
  }

  unwrap<T>(): T {
    return this.options.log as T;
  }

  async #start(): Promise<void> {
    if (this.messageHandlers.size === 0) return;
    const listener = (this.listener = new Listener({ ...this.options, hearings: this.topics.map((topic) => this.#hearing(topic)) }));
    this.#consumption = await this.#join({
      group: this.options.group, topics: this.topics,
      heard: (fetches, beat) => listener.heard(fetches, beat),
      assigned: (topic, partition) => listener.forget(topic, partition),
      failed: this.options.failed,
    });
  }

  /** Services start in any order, and a broker that has just made a topic may not know it yet: joining is tried until it works. */
  async #join(options: ConsumeOptions): Promise<Consumption> {
    for (let attempt = 0; ; attempt += 1) {
      try {
        return await this.options.log.consume(options);
      } catch (error) {
        if (error instanceof Problem) throw error;
        this.options.report('warn', 'waiting for the log', { service: this.options.service, error });
        await pause(Math.min(5_000, 200 * 2 ** attempt));
      }
    }
  }

  #hearing(topic: string): Hearing {
    const stream = Object.values<Stream>(streams).find((one) => one.topic === topic)!;
    const handler = this.messageHandlers.get(topic)!;
    if (handler.next) throw new Error(`Two methods of ${this.options.service} hear ${topic}; one must.`);
    return {
      stream,
      copiesOnly: handler.extras?.['copiesOnly'] === true,
      handle: async (batch: Batch<Stream>, tx: Tx) => {
        const result: unknown = await handler(batch, tx);
        return isObservable(result) ? lastValueFrom(result, { defaultValue: undefined }) : result;
      },
    };
  }
}
