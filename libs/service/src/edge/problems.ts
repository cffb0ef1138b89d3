import { STATUS_CODES, type IncomingMessage, type ServerResponse } from 'node:http';
import { randomUUID } from 'node:crypto';
import { Catch, HttpException, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import { Problem, type Fault, type ProblemKind } from '@yunke/kernel';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { knownRoutes } from './routes.js';

/** RFC 9457 `application/problem+json`. `instance` is the request's id, the same as in `x-request-id`. */
export type ProblemBody = {
  type: string;
  title: string;
  status: number;
  detail: string;
  instance: string;
  code: string;
  errors?: Fault[];
  retry_after?: number;
};

export type Answer = { status: number; body: ProblemBody; headers: Record<string, string> };

/** The part of a pino logger that the edge needs. */
export type EdgeLog = { error(fields: object, message: string): void };

export type ProblemOptions = {
  /** Says of an unknown error that it is trouble with the database or a connection, and will pass. */
  isTransient?: (error: unknown) => boolean;
  log?: EdgeLog;
};

const STATUS_OF_KIND: Record<ProblemKind, number> = {
  invalid: 422,
  forbidden: 403,
  not_found: 404,
  conflict: 409,
  too_large: 413,
  unavailable: 503,
};

const RETRY_AFTER_SECONDS = 5;

/** What is said for a bare status: code and detail. The texts of Nest, Fastify and Node may repeat the input, so none is used. */
const REFUSALS: Record<number, [code: string, detail: string]> = {
  400: ['bad_request', 'The request cannot be understood.'],
  401: ['unauthenticated', 'The request carries no valid credentials.'],
  403: ['forbidden', 'These credentials do not allow it.'],
  404: ['not_found', 'It does not exist.'],
  405: ['method_not_allowed', 'This address does not take this method.'],
  406: ['not_acceptable', 'It cannot be answered in a form that the request accepts.'],
  408: ['request_timeout', 'The request took too long to arrive.'],
  409: ['conflict', 'It contradicts the present state.'],
  413: ['body_too_large', 'The body is larger than this address takes.'],
  414: ['uri_too_long', 'The address is too long.'],
  415: ['unsupported_media_type', 'The body is of a type that this address does not take.'],
  417: ['expectation_failed', 'The expectation in the header cannot be met.'],
  422: ['validation_failed', 'The input is not valid.'],
  429: ['rate_limited', 'Too many requests.'],
  431: ['headers_too_large', 'The headers are too large or too many.'],
  500: ['internal', 'Something went wrong here. The request id finds it in the log.'],
  503: ['unavailable', 'It cannot be done at the moment. Try again.'],
};

const KIND_OF_STATUS: Record<number, ProblemKind> = {
  401: 'forbidden',
  403: 'forbidden',
  404: 'not_found',
  409: 'conflict',
  413: 'too_large',
  503: 'unavailable',
};

/** Fastify's own errors whose status is not what we answer. The rest keep their 4xx. */
const STATUS_OF_FASTIFY: Record<string, number> = {
  FST_ERR_MAX_PARAM_LENGTH: 414,
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 415,
  FST_ERR_CTP_BODY_TOO_LARGE: 413,
  FST_ERR_VALIDATION: 422,
};

/** The problem with this status and our words for it. A status that has none is named by its standard phrase. */
export function refusal(status: number): Problem {
  const phrase = STATUS_CODES[status] ?? 'Error';
  const [code, detail] = REFUSALS[status] ?? [phrase.toLowerCase().replace(/\W+/g, '_'), `${phrase}.`];
  return new Problem(KIND_OF_STATUS[status] ?? 'invalid', code, detail, { status });
}

export const noRoute = () => new Problem('not_found', 'route.not_found', 'Nothing answers at this address.');

/** The answer to any error. It repeats nothing of the input and shows no stack. */
export function toProblem(error: unknown, instance: string, isTransient?: (error: unknown) => boolean): Answer {
  const problem = error instanceof Problem ? error : asProblem(error, isTransient);
  const { errors, retryAfterSeconds } = problem.details;
  const status = problem.details.status ?? STATUS_OF_KIND[problem.kind];
  const retryAfter = retryAfterSeconds ?? (problem.kind === 'unavailable' ? RETRY_AFTER_SECONDS : undefined);
  return {
    status,
    headers: {
      'content-type': 'application/problem+json',
      'x-request-id': instance,
      'x-content-type-options': 'nosniff',
      'cache-control': 'no-store',
      ...(retryAfter !== undefined && { 'retry-after': String(retryAfter) }),
      ...(status === 401 && { 'www-authenticate': 'Bearer' }),
    },
    body: {
      type: `https://yunke.dev/problems/${problem.code}`,
      title: titleOf(problem.code),
      status,
      detail: problem.message,
      instance,
      code: problem.code,
      ...(errors && { errors }),
      ...(retryAfter !== undefined && { retry_after: retryAfter }),
    },
  };
}

function asProblem(error: unknown, isTransient?: (error: unknown) => boolean): Problem {
  if (error instanceof HttpException) return refusal(answerable(error.getStatus()));
  if (isTransient?.(error)) return refusal(503);
  const { code, statusCode } = (error ?? {}) as { code?: unknown; statusCode?: unknown };
  // A status on any other error is not ours: it may be what some other server answered us.
  if (typeof code !== 'string' || !code.startsWith('FST_')) return refusal(500);
  // Not decodable, so it names nothing.
  if (code === 'FST_ERR_BAD_URL') return noRoute();
  return refusal(STATUS_OF_FASTIFY[code] ?? answerable(Number(statusCode)));
}

const answerable = (status: number) => (REFUSALS[status] || (status >= 400 && status < 500) ? status : 500);

const titleOf = (code: string) => {
  const words = code.replace(/[._]/g, ' ');
  return words[0].toUpperCase() + words.slice(1);
};

/** The caller's `x-request-id` when it is one we would have made, else a new one. */
export function requestId(request: IncomingMessage): string {
  const given = request.headers['x-request-id'];
  return typeof given === 'string' && /^[A-Za-z0-9._-]{1,64}$/.test(given) ? given : randomUUID();
}

/** Whether bytes of the body are still to come. The connection must then not be used again: they would be its next request. */
export function bodyIsComing(request: IncomingMessage): boolean {
  if (request.complete) return false;
  return request.headers['transfer-encoding'] !== undefined || Number(request.headers['content-length'] ?? 0) > 0;
}

/** Answers on a bare Node response. */
export function answerRaw(response: ServerResponse, answer: Answer): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  if (bodyIsComing(response.req)) response.shouldKeepAlive = false;
  const body = JSON.stringify(answer.body);
  response.writeHead(answer.status, { ...answer.headers, 'content-length': Buffer.byteLength(body) });
  response.end(body);
}

/** The whole answer as text, for a connection on which Node's parser gave up. */
export function rawAnswer(status: number, more: Record<string, string> = {}): string {
  const { headers, body } = toProblem(refusal(status), randomUUID());
  const text = JSON.stringify(body);
  const all = { ...headers, ...more, 'content-length': Buffer.byteLength(text), connection: 'close' };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}`);
  return [`HTTP/1.1 ${status} ${STATUS_CODES[status]}`, ...lines, '', text].join('\r\n');
}

function answerTo(error: unknown, id: string, options: ProblemOptions): Answer {
  const answer = toProblem(error, id, options.isTransient);
  if (answer.status === 500) options.log?.error({ err: error, requestId: id }, 'request failed');
  return answer;
}

function send(error: unknown, request: FastifyRequest, reply: FastifyReply, options: ProblemOptions): void {
  const answer = answerTo(error, request.id, options);
  if (reply.raw.headersSent) {
    // Half an answer is out: cutting it off is the only way left to say that it failed.
    reply.raw.destroy();
    return;
  }
  if (bodyIsComing(request.raw)) reply.header('connection', 'close');
  reply.code(answer.status).headers(answer.headers).send(JSON.stringify(answer.body));
}

/** What Nest's controllers, guards and pipes throw, as problems. Handlers of events are not its business. */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  constructor(private readonly options: ProblemOptions = {}) {}

  catch(error: unknown, host: ArgumentsHost): void {
    if (host.getType() !== 'http') throw error;
    const http = host.switchToHttp();
    const reply = http.getResponse<FastifyReply | ServerResponse>();
    // Middleware of Nest is given Node's own response.
    if ('raw' in reply) send(error, http.getRequest<FastifyRequest>(), reply, this.options);
    else answerRaw(reply, answerTo(error, requestId(reply.req), this.options));
  }
}

/** Gives Fastify's own errors, unknown addresses and unknown methods the same shape. Call it before any route is added. */
export function installProblems(fastify: FastifyInstance, options: ProblemOptions): void {
  const routes = knownRoutes();
  const refuse = (request: FastifyRequest, reply: FastifyReply) => {
    const methods = routes.methodsAt(request.url);
    if (methods.length === 0 || methods.includes(request.method)) return send(noRoute(), request, reply, options);
    reply.header('allow', methods.join(', '));
    send(refusal(405), request, reply, options);
  };
  fastify.addHook('onRoute', ({ method, url }) => routes.add(url, [method].flat()));
  fastify.setErrorHandler((error, request, reply) => send(error, request, reply, options));
  fastify.setNotFoundHandler(refuse);
  // Before the body is read: what nobody asked for is not worth parsing.
  fastify.addHook('onRequest', (request, reply, done) => (request.is404 ? refuse(request, reply) : done()));
}

/** For `frameworkErrors`: what Fastify's router refuses before any handler of ours is in force. */
export const frameworkErrors = (options: ProblemOptions) => (error: unknown, request: FastifyRequest, reply: FastifyReply) =>
  send(error, request, reply, options);
