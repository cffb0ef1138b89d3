import 'reflect-metadata';
import type { IncomingMessage } from 'node:http';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import type { DynamicModule, LoggerService, Type } from '@nestjs/common';
import type { FastifyInstance } from 'fastify';
import { BODY_LIMITS, installBodies, type BodyLimits } from './body.js';
import { installMeasures } from './measures.js';
import { frameworkErrors, installProblems, ProblemFilter, requestId, type ProblemOptions } from './problems.js';
import type { Handler } from './server.js';
import { validationPipe } from './validation.js';

export type ApplicationOptions = ProblemOptions & {
  /** Whose routes they are, in the metrics. */
  service?: string;
  /** What a route takes that says nothing of its own. */
  body?: Partial<BodyLimits>;
  /** The addresses of the proxies in front, whose `x-forwarded-for` is believed. Nobody's by default. */
  trustProxy?: string[];
  /** Nest keeps one logger for the whole process: the last application to name one decides. */
  nestLogger?: LoggerService | false;
  /** The last chance before the routes are made: guards, documentation. */
  prepare?: (app: NestFastifyApplication) => void | Promise<void>;
};

export type Application = { app: NestFastifyApplication; handler: Handler };

/** Longer ids name nothing: 414. Ids are at most 100 characters, but a SKU is percent-encoded. */
const LONGEST_PARAMETER = 1024;

/** Fastify's errors are answered by `installProblems`; Nest, which would replace that at the end of `init`, may not. */
class EdgeAdapter extends FastifyAdapter {
  override setErrorHandler() {
    return this.getInstance();
  }

  override setNotFoundHandler() {
    return this.getInstance();
  }
}

/** A Nest application that is ready but listens to nothing: its `handler` is mounted on the outer server. */
export async function createApplication(module: Type | DynamicModule, options: ApplicationOptions = {}): Promise<Application> {
  const adapter = new EdgeAdapter({
    logger: false,
    bodyLimit: BODY_LIMITS.bytes,
    genReqId: (request: IncomingMessage) => requestId(request),
    trustProxy: options.trustProxy ?? false,
    routerOptions: { maxParamLength: LONGEST_PARAMETER },
    frameworkErrors: frameworkErrors(options),
  });
  const fastify = adapter.getInstance() as unknown as FastifyInstance;
  installHeaders(fastify);
  if (options.service) installMeasures(fastify, options.service);
  installProblems(fastify, options);
  installBodies(fastify, options.body);

  const app = await NestFactory.create<NestFastifyApplication>(module, adapter, {
    bodyParser: false,
    abortOnError: false,
    ...(options.nestLogger !== undefined && { logger: options.nestLogger }),
  });
  app.useGlobalFilters(new ProblemFilter(options));
  app.useGlobalPipes(validationPipe());
  await options.prepare?.(app);
  await app.init();
  await fastify.ready();
  return { app, handler: (request, response) => fastify.routing(request, response) };
}

function installHeaders(fastify: FastifyInstance): void {
  fastify.addHook('onRequest', (request, reply, done) => {
    reply.header('x-request-id', request.id);
    reply.header('x-content-type-options', 'nosniff');
    if (request.url.startsWith('/api/')) reply.header('cache-control', 'no-store');
    // A page on any origin may send, and must be able to read a refusal and when to come back.
    if (request.url.startsWith('/v1/')) reply.header('access-control-allow-origin', '*').header('access-control-expose-headers', 'retry-after, x-request-id');
    done();
  });
}
