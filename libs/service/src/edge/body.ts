import { gunzip } from 'node:zlib';
import { promisify } from 'node:util';
import type { IncomingMessage } from 'node:http';
import { RouteConfig } from '@nestjs/platform-fastify';
import { Problem } from '@yunke/kernel';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { JSON_LIMITS, parseJsonBody, type JsonLimits } from './json-body.js';
import { refusal } from './problems.js';

/** What one route takes. `bytes` is counted as sent, `inflatedBytes` after gzip, `ratio` is inflated : sent. */
export type BodyLimits = {
  bytes: number;
  inflatedBytes: number;
  ratio: number;
  json: JsonLimits;
  /** Keeps the bytes as `request.rawBody`, for a signature over them. */
  keepsRaw: boolean;
  /** Takes a form, too. Its fields are not looked at: for pages and mail programs that post to an address which says it all (RFC 8058). */
  form: boolean;
};

const KB = 1024;

export const BODY_LIMITS: BodyLimits = {
  bytes: 1024 * KB,
  inflatedBytes: 2048 * KB,
  ratio: 100,
  json: JSON_LIMITS,
  keepsRaw: false,
  form: false,
};

/** The Segment-compatible routes. */
export const SEGMENT_BODY: Partial<BodyLimits> = { bytes: 512 * KB };

/** The native intake: up to 5,000 lines or events in an array. */
export const NATIVE_BODY: Partial<BodyLimits> = { bytes: 2048 * KB, json: { ...JSON_LIMITS, elements: 5000 } };

/** What this method of a controller takes, where it is not the usual. A raw Fastify route says `config: { body }`. */
export const TakesBody = (body: Partial<BodyLimits>): MethodDecorator => RouteConfig({ body });

const inflate = promisify(gunzip);

/**
 * Reads bodies as JSON, from `application/json` and from `text/plain`: Segment's browser library sends that, to be spared
 * the preflight. Nothing else is taken. Call it before any route is added.
 */
export function installBodies(fastify: FastifyInstance, usual: Partial<BodyLimits> = {}): void {
  const limitsOf = limitsByRoute({ ...BODY_LIMITS, ...usual });
  fastify.removeAllContentTypeParsers();
  fastify.addContentTypeParser(['application/json', 'text/plain'], async (request: FastifyRequest, payload: IncomingMessage) => {
    if (!isUtf8Type(request.headers['content-type'])) throw refusal(415);
    const limits = limitsOf(request);
    const isGzip = isGzipped(request.headers['content-encoding']);
    const sent = await read(payload, request.headers['content-length'], limits.bytes);
    const raw = isGzip ? await inflated(sent, limits) : sent;
    if (limits.keepsRaw) (request as { rawBody?: Buffer }).rawBody = raw;
    return parseJsonBody(raw, limits.json);
  });
  fastify.addContentTypeParser(['application/x-www-form-urlencoded', 'multipart/form-data'], async (request: FastifyRequest, payload: IncomingMessage) => {
    const limits = limitsOf(request);
    if (!limits.form) throw refusal(415);
    await read(payload, request.headers['content-length'], limits.bytes);
    return undefined;
  });
}

function limitsByRoute(usual: BodyLimits): (request: FastifyRequest) => BodyLimits {
  const known = new WeakMap<object, BodyLimits>();
  return (request) => {
    const { config } = request.routeOptions;
    let limits = known.get(config);
    if (!limits) known.set(config, (limits = { ...usual, ...(config as { body?: Partial<BodyLimits> }).body }));
    return limits;
  };
}

/** Every character set but UTF-8 is refused: what is declared as another would be read wrongly. */
function isUtf8Type(contentType = ''): boolean {
  const charset = /;\s*charset\s*=\s*"?([^\s";]*)/i.exec(contentType);
  return charset === null || /^utf-?8$/i.test(charset[1]);
}

function isGzipped(encoding = 'identity'): boolean {
  const name = encoding.trim().toLowerCase();
  if (name !== 'gzip' && name !== 'identity') throw unsupportedEncoding();
  return name === 'gzip';
}

/**
 * All bytes of the stream. Past the limit, or when more is announced, it stops reading at once.
 * @throws body_too_large, bad_request when the sender breaks off
 */
function read(stream: IncomingMessage, announced: string | undefined, limit: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    if (Number(announced) > limit) return reject(refusal(413));
    const chunks: Buffer[] = [];
    let length = 0;
    const settle = (settled: () => void) => {
      stream.off('data', take).off('end', end).off('error', fail).off('close', fail);
      settled();
    };
    const take = (chunk: Buffer) => {
      length += chunk.length;
      if (length <= limit) return void chunks.push(chunk);
      stream.pause();
      settle(() => reject(refusal(413)));
    };
    // Always a copy: a chunk may be a view of the buffer that Node reads the next request into.
    const end = () => settle(() => resolve(Buffer.concat(chunks, length)));
    const fail = () => settle(() => reject(refusal(400)));
    stream.on('data', take).on('end', end).on('error', fail).on('close', fail);
  });
}

/** @throws decompressed_too_large, unsupported_encoding when it is no gzip, or gzip within gzip */
async function inflated(sent: Buffer, { inflatedBytes, ratio }: BodyLimits): Promise<Buffer> {
  const maxOutputLength = Math.max(1, Math.min(inflatedBytes, sent.length * ratio));
  const raw = await inflate(sent, { maxOutputLength }).catch((error: { code?: string }) => {
    if (error.code !== 'ERR_BUFFER_TOO_LARGE') throw unsupportedEncoding();
    throw new Problem('too_large', 'decompressed_too_large', 'The body is too large when it is unpacked.');
  });
  if (raw[0] === 0x1f && raw[1] === 0x8b) throw unsupportedEncoding();
  return raw;
}

const unsupportedEncoding = () =>
  new Problem('invalid', 'unsupported_encoding', 'The body may be packed with gzip, once, or not at all.', { status: 415 });
