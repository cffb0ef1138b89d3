import { request as requestHttp, type IncomingMessage } from 'node:http';
import { request as requestHttps } from 'node:https';

import { Injectable } from '@nestjs/common';

import { Problem } from '@yunke/kernel';
import { Db } from '@yunke/postgres';

import type { Message, Provider } from '../delivery/channel.js';
import type { Result } from '../intent/attempt.js';
import { NotificationsConfig } from '../notifications.config.js';
import { whyRefused } from './egress.js';
import { secretsOf, signedHeaders } from './endpoint.js';
import { FORBIDDEN, guardedLookup } from './lookup.worker.js';

const NOT_CONNECTED = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH', 'CERT_HAS_EXPIRED', 'DEPTH_ZERO_SELF_SIGNED_CERT', 'SELF_SIGNED_CERT_IN_CHAIN', 'UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'ERR_TLS_CERT_ALTNAME_INVALID']);

/** Webhooks by Standard Webhooks 1.0: POST of `{ type, timestamp, data }`, signed; redirects are not followed. */
@Injectable()
export class WebhookProvider implements Provider {
  constructor(private readonly db: Db, private readonly config: NotificationsConfig) {}

  async call({ key, webhook }: Message): Promise<Result> {
    if (!webhook) throw new Problem('invalid', 'message.not_webhook', 'This is no webhook.');
    const { endpoint, type, timestamp, data } = webhook;
    if (whyRefused(endpoint.url, this.config.egressAllow) !== undefined) return { kind: 'refused', why: 'endpoint.forbidden' };
    const now = await this.db.now();
    const body = JSON.stringify({ type, timestamp, data });
    const headers = { ...signedHeaders(secretsOf(this.config.secret, endpoint, now), key, now, body), 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(body)), 'user-agent': 'Yunke' };
    return this.#post(new URL(endpoint.url), headers, body);
  }

  #post(url: URL, headers: Record<string, string>, body: string): Promise<Result> {
    return new Promise((resolve) => {
      const isSecure = url.protocol === 'https:';
      const request = (isSecure ? requestHttps : requestHttp)(url, { method: 'POST', headers, lookup: guardedLookup(this.config.egressAllow), agent: false, signal: AbortSignal.timeout(this.config.callSeconds * 1_000) });
      let isSent = false; // once a connection stands, the receiver may act on what it got
      request.once('socket', (socket) => socket.once(isSecure ? 'secureConnect' : 'connect', () => (isSent = true)));
      request.once('response', (response) => {
        response.resume().once('error', () => undefined);
        resolve(resultOf(response));
        response.destroy();
      });
      request.on('error', (error: NodeJS.ErrnoException) => resolve(failureOf(error, isSent)));
      request.end(body);
    });
  }
}

/** 2xx takes it; 410 ends it for good; whether a server that broke (500, 502, 504) took it, nobody knows; everything else, redirects too, is no. */
function resultOf({ statusCode = 0, headers }: IncomingMessage): Result {
  const why = `http.${statusCode}`;
  if (statusCode >= 200 && statusCode < 300) return { kind: 'accepted', why };
  if (statusCode === 410) return { kind: 'refused', why, isDead: true };
  if ([500, 502, 504].includes(statusCode)) return { kind: 'unclear', why };
  return { kind: 'busy', why, afterMs: retryAfter(headers['retry-after']) };
}

function failureOf({ code, name }: NodeJS.ErrnoException, isSent: boolean): Result {
  if (code === FORBIDDEN) return { kind: 'refused', why: 'endpoint.forbidden' };
  if (isSent) return { kind: 'unclear', why: name === 'TimeoutError' || name === 'AbortError' ? 'http.timeout' : 'http.broken' };
  return { kind: 'busy', why: NOT_CONNECTED.has(code ?? '') ? `http.${code!.toLowerCase()}` : 'http.unreachable' };
}

/** `Retry-After` in milliseconds, at most a day; a date is not looked at. */
const retryAfter = (text: string | undefined): number => (text !== undefined && /^\d{1,6}$/.test(text) ? Math.min(Number(text), 86_400) * 1_000 : 0);
