import { setTimeout as sleep } from 'node:timers/promises';

import { SERVICES, type ServiceName, type Settings } from './settings.js';

const ANSWER_WITHIN_MS = 60_000;
const LONGEST_BACKOFF_MS = 5_000;
const LONGEST_RETRY_AFTER_MS = 120_000;

export type Request = { readonly method?: 'GET' | 'PUT' | 'POST' | 'DELETE'; readonly body?: string; readonly key?: string };

/** Told why we wait for the platform, and with nothing once it answers again. */
export type Troubled = (why?: string) => void;

/**
 * The platform over HTTP. Whatever says "not now" (429, 5xx, no connection, no answer) is asked again until it answers: it may be
 * killed and started again meanwhile. So ask only for what may be done twice.
 */
export class PlatformApi {
  constructor(private readonly settings: Pick<Settings, 'urls' | 'token'>, private readonly troubled: Troubled) {}

  /** The answer as JSON. @throws Error for any answer but 2xx that asking again would not change */
  async ask<T>(service: ServiceName, path: string, request: Request = {}): Promise<T> {
    return JSON.parse(await this.#text(this.settings.urls[service], path, request)) as T;
  }

  /** All pages of a list; its path has a query. */
  async all<T>(service: ServiceName, path: string): Promise<T[]> {
    const all: T[] = [];
    for (let after: string | undefined = ''; after !== undefined; ) {
      const page: { items: T[]; next?: string } = await this.ask(service, `${path}${after && `&after=${encodeURIComponent(after)}`}`);
      all.push(...page.items);
      after = page.next;
    }
    return all;
  }

  /** The values of metrics, each summed over its labels and over the processes of the platform; undefined for one that none of them has. */
  async metrics(names: readonly string[]): Promise<(number | undefined)[]> {
    const texts = await Promise.all([...new Set(SERVICES.map((service) => this.settings.urls[service]))].map((url) => this.#text(url, '/metrics', {})));
    return names.map((name) => {
      const values = texts.flatMap((text) => [...text.matchAll(new RegExp(`^${name}(?:\\{[^}]*\\})? (\\S+)`, 'gm'))]).map(([, value]) => Number(value));
      return values.length === 0 ? undefined : values.reduce((sum, value) => sum + value, 0);
    });
  }

  async #text(url: string, path: string, { method = 'GET', body, key = this.settings.token }: Request): Promise<string> {
    const headers = { authorization: `Bearer ${key}`, ...(body !== undefined && { 'content-type': 'application/json' }) };
    for (let attempt = 0; ; attempt += 1) {
      const answer = await once(`${url}${path}`, { method, headers, ...(body !== undefined && { body }) });
      if (answer.kind === 'done') {
        if (attempt > 0) this.troubled();
        return answer.text;
      }
      if (answer.kind === 'refused') throw new Error(`${method} ${path}: ${answer.why}`);
      this.troubled(answer.why);
      await sleep(answer.afterMs ?? Math.min(LONGEST_BACKOFF_MS, 100 * 2 ** Math.min(attempt, 10)) * (0.5 + Math.random() / 2));
    }
  }
}

type Answer = { kind: 'done'; text: string } | { kind: 'refused'; why: string } | { kind: 'later'; why: string; afterMs?: number };

async function once(url: string, init: RequestInit): Promise<Answer> {
  try {
    const response = await fetch(url, { ...init, signal: AbortSignal.timeout(ANSWER_WITHIN_MS) });
    const text = await response.text(); // it may break off here too
    if (response.ok) return { kind: 'done', text };
    const why = `${response.status} ${text.slice(0, 500)}`;
    const isLater = response.status === 429 || response.status === 408 || response.status >= 500;
    if (!isLater) return { kind: 'refused', why };
    const afterMs = retryAfterMs(response.headers.get('retry-after'));
    return { kind: 'later', why: `it answered ${response.status}`, ...(afterMs !== undefined && { afterMs }) };
  } catch (error) {
    const { message, cause } = error as Error & { cause?: { code?: string } };
    return { kind: 'later', why: cause?.code ?? message };
  }
}

/** `Retry-After`: seconds, or a date (RFC 9110 §10.2.3). */
export function retryAfterMs(header: string | null, now = Date.now()): number | undefined {
  if (header === null) return undefined;
  const ms = /^\d+$/.test(header.trim()) ? Number(header) * 1_000 : Date.parse(header) - now;
  return Number.isNaN(ms) ? undefined : Math.min(LONGEST_RETRY_AFTER_MS, Math.max(0, ms));
}
