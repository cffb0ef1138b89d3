import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { SpanKind, context, propagation, trace } from '@opentelemetry/api';
import { Problem } from '@yunke/kernel';
import { refusedRequests } from './measures.js';
import { answerRaw, bodyIsComing, noRoute, rawAnswer, refusal, requestId, toProblem, type EdgeLog } from './problems.js';
import { HEADERS_TO_READ, refusedTarget } from './target.js';

export type Handler = (request: IncomingMessage, response: ServerResponse) => void;

/** Times in milliseconds, sizes in bytes. */
export type OuterOptions = {
  headersTimeout?: number;
  requestTimeout?: number;
  /** How often the two above are looked at. */
  connectionsCheckingInterval?: number;
  /** How long a client may leave an answer unread. */
  writeTimeout?: number;
  keepAliveTimeout?: number;
  /** How long an answer that was given before the whole body had come may still be fetched. */
  lingerTimeout?: number;
  maxConnections?: number;
  maxRequestsPerSocket?: number;
  log?: EdgeLog;
};

const DEFAULTS = {
  headersTimeout: 10_000,
  requestTimeout: 15_000,
  connectionsCheckingInterval: 2_000,
  writeTimeout: 20_000,
  keepAliveTimeout: 5_000,
  lingerTimeout: 1_000,
  maxConnections: 4_096,
  maxRequestsPerSocket: 1_000,
};

type Limits = typeof DEFAULTS;

const MOST_THROWN_AWAY = 8 * 1024 * 1024;

const METHODS = 'DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT';

export type OuterServer = {
  server: Server;
  /** Gives every address that begins with one of these whole segments to the handler. The longest prefix wins; `/` takes the rest. */
  mount(prefixes: string[], handler: Handler): void;
  /** Everything is mounted: an address that is still unknown is refused with 404, and no longer with 503. */
  complete(): void;
  /**
   * Goes on listening and answering for so many milliseconds, and every answer ends its connection. Longer than `keepAliveTimeout`, and no
   * connection is left on which a request could cross the close.
   */
  drain(forMs: number): Promise<void>;
  /** Stops listening, lets what has begun end, and cuts off what is not done after so many milliseconds. */
  close(deadlineMs: number): Promise<void>;
};

/** The one server that a process listens with: limits, timeouts and dispatch. The caller calls `server.listen`. */
export function createOuterServer(options: OuterOptions = {}): OuterServer {
  const limits: Limits = { ...DEFAULTS, ...options };
  const mounts: { prefix: string; handler: Handler }[] = [];
  const exchanges = openExchanges();
  let isClosing = false;
  let isComplete = false;

  const server = createServer(nodeOptions(limits), (request, response) => {
    if (!exchanges.begin(request, response)) return;
    if (isClosing) response.shouldKeepAlive = false;
    lingerAfterEarlyAnswer(request, response, limits.lingerTimeout);
    dispatch(request, response, { mounts, isComplete, log: options.log });
  });
  server.maxHeadersCount = HEADERS_TO_READ;
  server.maxConnections = limits.maxConnections;
  server.maxRequestsPerSocket = limits.maxRequestsPerSocket;
  server.timeout = limits.writeTimeout;
  refuseBrokenRequests(server, exchanges);

  return {
    server,
    mount(prefixes, handler) {
      mounts.push(...prefixes.map((prefix) => ({ prefix, handler })));
      mounts.sort((a, b) => b.prefix.length - a.prefix.length);
    },
    complete() {
      isComplete = true;
    },
    drain(forMs) {
      isClosing = true;
      exchanges.makeLast();
      return pause(forMs);
    },
    close(deadlineMs) {
      isClosing = true;
      exchanges.makeLast();
      return closed(server, deadlineMs);
    },
  };
}

const nodeOptions = (limits: Limits) => ({
  headersTimeout: limits.headersTimeout,
  requestTimeout: limits.requestTimeout,
  connectionsCheckingInterval: limits.connectionsCheckingInterval,
  keepAliveTimeout: limits.keepAliveTimeout,
  maxHeaderSize: 16 * 1024,
  insecureHTTPParser: false,
  // A missing Host is refused by us, in our shape.
  requireHostHeader: false,
  // An upgrade never happens: target.ts refuses the offer or leaves it unheard.
  shouldUpgradeCallback: () => false,
});

type Dispatching = { mounts: { prefix: string; handler: Handler }[]; isComplete: boolean; log?: EdgeLog };

function dispatch(request: IncomingMessage, response: ServerResponse, { mounts, isComplete, log }: Dispatching): void {
  // RFC 9112 §3.2.2: a server takes the absolute form too. The address in it is not what we route by.
  request.url = request.url?.replace(/^https?:\/\/[^/?#]*/i, '') || '/';
  if (request.url[0] === '?') request.url = `/${request.url}`;
  const refused = refusedTarget(request);
  if (refused) return refuse(request, response, refused);
  const path = request.url.split('?', 1)[0];
  const mount = mounts.find(({ prefix }) => isUnder(path, prefix));
  if (!mount) return refuse(request, response, isComplete ? noRoute() : starting());
  try {
    traced(request, response, mount);
  } catch (error) {
    log?.error({ err: error }, 'request failed');
    refuse(request, response, refusal(500));
  }
}

/** A span over the request, in the caller's trace if it names one. It bears the prefix, not the path: a path may name a customer. */
function traced(request: IncomingMessage, response: ServerResponse, { prefix, handler }: { prefix: string; handler: Handler }): void {
  const parent = propagation.extract(context.active(), request.headers);
  const attributes = { 'http.request.method': request.method ?? '', 'http.route': prefix };
  trace.getTracer('yunke').startActiveSpan(`${request.method} ${prefix}`, { kind: SpanKind.SERVER, attributes }, parent, (span) => {
    response.once('close', () => span.setAttribute('http.response.status_code', response.statusCode).end());
    handler(request, response);
  });
}

const isUnder = (path: string, prefix: string) =>
  path.startsWith(prefix) && (prefix.endsWith('/') || path.length === prefix.length || path[prefix.length] === '/');

function refuse(request: IncomingMessage, response: ServerResponse, problem: Problem): void {
  if (problem.details.status === 405) response.setHeader('allow', METHODS);
  answerRaw(response, toProblem(problem, requestId(request)));
  refusedRequests.inc({ status: response.statusCode });
}

const starting = () => new Problem('unavailable', 'service.starting', 'What answers at this address is being started.', { retryAfterSeconds: 1 });

type Exchanges = ReturnType<typeof openExchanges>;

/** The requests that have been handed on and are not yet answered, by connection. */
function openExchanges() {
  const open = new Map<Socket, Set<ServerResponse>>();
  return {
    /** False when the connection is on its way out: what comes after the last answer is not a request. */
    begin(request: IncomingMessage, response: ServerResponse): boolean {
      const { socket } = request;
      if (!socket.writable) return false;
      const responses = open.get(socket) ?? new Set();
      open.set(socket, responses.add(response));
      response.once('close', () => {
        responses.delete(response);
        if (responses.size === 0) open.delete(socket);
      });
      return true;
    },
    isOpen: (socket: Socket) => open.has(socket),
    /** True when every request begun here has come in whole, so that whatever is wrong comes after it. They become the last. */
    lastWords(socket: Socket): boolean {
      const responses = [...(open.get(socket) ?? [])];
      if (responses.length === 0 || !responses.every((response) => response.req.complete)) return false;
      for (const response of responses) if (!response.headersSent) response.shouldKeepAlive = false;
      return true;
    },
    hasBegunToAnswer: (socket: Socket) => [...(open.get(socket) ?? [])].some((response) => response.headersSent),
    /** What is being answered is the last on its connection. */
    makeLast(): void {
      for (const responses of open.values()) for (const response of responses) if (!response.headersSent) response.shouldKeepAlive = false;
    },
  };
}

/**
 * Closing a connection with bytes unread makes the kernel reset it, and the client may lose the answer that says why. So
 * the answer is sent, our half is closed, and what still comes is thrown away for a moment.
 */
function lingerAfterEarlyAnswer(request: IncomingMessage, response: ServerResponse, lingerTimeout: number): void {
  response.prependOnceListener('finish', () => {
    if (!bodyIsComing(request)) return;
    const { socket } = request;
    const timer = setTimeout(() => socket.destroy(), lingerTimeout).unref();
    socket.once('close', () => clearTimeout(timer));
    // Node calls this after the last answer on a connection.
    socket.destroySoon = () => {
      let thrownAway = 0;
      socket.end();
      request.on('data', (chunk: Buffer) => (thrownAway += chunk.length) > MOST_THROWN_AWAY && socket.destroy());
      request.once('end', () => socket.destroy()).resume();
    };
  });
}

const STATUS_OF_PARSER: Record<string, number> = {
  HPE_HEADER_OVERFLOW: 431,
  HPE_CHUNK_EXTENSIONS_OVERFLOW: 413,
  ERR_HTTP_REQUEST_TIMEOUT: 408,
};

/** What never becomes a request of ours, and what never takes its answer. */
function refuseBrokenRequests(server: Server, exchanges: Exchanges): void {
  const refuseOn = (socket: Socket, status: number) => {
    if (!socket.writable || exchanges.hasBegunToAnswer(socket)) return void socket.destroy();
    refusedRequests.inc({ status });
    socket.end(rawAnswer(status, status === 405 ? { allow: METHODS } : {}));
    setTimeout(() => socket.destroy(), 500).unref();
  };
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    if (error.code === 'ECONNRESET' || error.code === 'EPIPE') return void socket.destroy();
    // What was taken is answered; the nonsense after it is not worth that answer.
    if (exchanges.lastWords(socket as Socket)) return;
    refuseOn(socket as Socket, STATUS_OF_PARSER[error.code ?? ''] ?? 400);
  });
  server.on('connect', (_request, socket) => refuseOn(socket as Socket, 405));
  server.on('checkExpectation', (request: IncomingMessage, response: ServerResponse) => {
    if (exchanges.begin(request, response)) refuse(request, response, refusal(417));
  });
  // Silence is allowed only while an answer is being made: not with bytes waiting to be read, not between requests.
  server.on('timeout', (socket: Socket) => {
    if (!exchanges.isOpen(socket) || socket.writableLength > 0) socket.destroy();
  });
}

function closed(server: Server, deadlineMs: number): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => server.closeAllConnections(), deadlineMs);
    server.close(() => {
      clearTimeout(timer);
      resolve();
    });
    server.closeIdleConnections();
  });
}
