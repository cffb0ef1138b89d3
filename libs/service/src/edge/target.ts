import type { IncomingMessage } from 'node:http';
import { Problem } from '@yunke/kernel';
import { noRoute, refusal } from './problems.js';

const LONGEST_URL = 8192;
const MOST_HEADERS = 2000;

/** One more than is allowed, so that Node, which drops the rest silently, leaves us something to count. */
export const HEADERS_TO_READ = MOST_HEADERS + 1;

/** Why no application may see this request, or undefined. `request.url` must be in origin form. */
export function refusedTarget(request: IncomingMessage): Problem | undefined {
  const { method, rawHeaders, url = '' } = request;
  if (rawHeaders.length > 2 * MOST_HEADERS) return refusal(431);
  if (!hasOneHost(request)) return refusal(400);
  if (url.length > LONGEST_URL) return refusal(414);
  if (method === 'TRACE') return refusal(405);
  if (wantsOtherProtocol(request)) return refusal(400);
  const mark = url.indexOf('?');
  const path = mark < 0 ? url : url.slice(0, mark);
  if (path[0] !== '/' || !isPlainPath(path)) return noRoute();
  return mark < 0 ? undefined : refusedQuery(url.slice(mark + 1));
}

/** RFC 9112 §3.2: a proxy that reads the other one of two would route it elsewhere. */
function hasOneHost({ httpVersion, rawHeaders }: IncomingMessage): boolean {
  let hosts = 0;
  for (let at = 0; at < rawHeaders.length; at += 2) if (rawHeaders[at].length === 4 && rawHeaders[at].toLowerCase() === 'host') hosts++;
  return hosts === 1 || (hosts === 0 && httpVersion === '1.0');
}

/** An offer of h2c may be ignored (RFC 9110 §7.8), and Java's client makes it with every request. */
function wantsOtherProtocol({ headers }: IncomingMessage): boolean {
  return headers.upgrade !== undefined && headers.upgrade.toLowerCase() !== 'h2c';
}

/** No dot segments, however they are written, nothing encoded twice, no control characters (Postgres refuses NUL). */
function isPlainPath(path: string): boolean {
  if (!path.includes('%') && !path.includes('/.')) return true;
  if (/%25[0-9a-f]{2}/i.test(path)) return false;
  const decoded = percentDecoded(path);
  return decoded !== undefined && !/\p{Cc}|(^|[/\\])\.{1,2}([/\\]|$)/u.test(decoded);
}

function refusedQuery(query: string): Problem | undefined {
  if (!query.includes('%') && !query.includes('__proto__') && !query.includes('constructor')) return undefined;
  const whole = percentDecoded(query);
  if (whole === undefined || whole.includes('\0')) {
    return new Problem('invalid', 'invalid_encoding', 'The query is not UTF-8, or holds a NUL.', { status: 400 });
  }
  const keys = query.split('&').map((pair) => decodeURIComponent(pair.split('=', 1)[0]));
  if (!keys.some((key) => /__proto__|constructor[[.]+prototype/.test(key))) return undefined;
  return new Problem('invalid', 'forbidden_key', 'The query uses a key that is not allowed anywhere.', { status: 400 });
}

function percentDecoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
