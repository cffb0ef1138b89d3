import { gzipSync } from 'node:zlib';
import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { connect, type Socket } from 'node:net';
import { head, post, startEdge, talk, type Pieces, type Reply } from './bad-input.suite.js';

const KB = 1024;
const TIMEOUTS = { headersTimeout: 700, requestTimeout: 1500, connectionsCheckingInterval: 100, writeTimeout: 800 };

/** It is put into the input wherever that is possible, and may come back nowhere. */
const CANARY = 'kanarie';

type Edge = Awaited<ReturnType<typeof startEdge>>;
type Bad = [id: string, what: string, send: string | Buffer | (() => Pieces), status: number, code: string];

const json = (value: unknown) => JSON.stringify(value);
const echo = (body: string | Buffer, ...headers: string[]) => post('/api/echo', body, headers);
const get = (path: string, ...headers: string[]) => head(`GET ${path}`, ['host: yunke.test', ...headers]);
const bytes = (...values: number[]) => Buffer.from(values);
const arrayOf = (elements: number) => `[${Array.from({ length: elements }, () => '0').join()}]`;
const bomb = (megabytes: number) => gzipSync(Buffer.alloc(megabytes * KB * KB, 0x20));
const good = json({ name: 'ada', amount: 1, lines: [{ sku: 'A1', quantity: 2 }] });
const padded = (length: number) => json({ name: CANARY, pad: 'x'.repeat(length) });

async function* endless(begin: string, piece: string, everyMs = 0) {
  yield begin;
  for (;;) {
    if (everyMs > 0) await pause(everyMs);
    yield piece;
  }
}

const CHUNKED = ['host: yunke.test', 'content-type: application/json', 'transfer-encoding: chunked'];
const chunk = `10000\r\n${' '.repeat(0x10000)}\r\n`;

const bodies: Bad[] = [
  ['B01', '1.1 MB', echo(padded(1100 * KB)), 413, 'body_too_large'],
  ['B01', '600 KB to a Segment route', post('/v1/batch', padded(600 * KB)), 413, 'body_too_large'],
  ['B01', '2.1 MB to a native route', post('/v1/native', padded(2100 * KB)), 413, 'body_too_large'],
  ['B01', 'announced as 2 GB', echo(good, 'content-length: 2000000000'), 413, 'body_too_large'],
  ['B01', 'announced as 10 bytes', echo(padded(1100 * KB), 'content-length: 10'), 400, 'malformed_json'],
  ['B01', 'endless, in chunks', () => endless(head('POST /api/echo', CHUNKED), chunk), 413, 'body_too_large'],
  ['B02', '200 KB of gzip that hold 200 MB', echo(bomb(200), 'content-encoding: gzip'), 413, 'decompressed_too_large'],
  ['B02', 'less than 2 MB, but 1,000 times its size', echo(bomb(1), 'content-encoding: gzip'), 413, 'decompressed_too_large'],
  ['B02', 'gzip in gzip', echo(gzipSync(gzipSync(good)), 'content-encoding: gzip'), 415, 'unsupported_encoding'],
  ['B02', 'gzip, gzip', echo(gzipSync(gzipSync(good)), 'content-encoding: gzip, gzip'), 415, 'unsupported_encoding'],
  ['B02', 'brotli', echo(good, 'content-encoding: br'), 415, 'unsupported_encoding'],
  ['B02', 'no gzip at all', echo(good, 'content-encoding: gzip'), 415, 'unsupported_encoding'],
  ['B02', 'gzip, cut off', echo(gzipSync(good).subarray(0, 30), 'content-encoding: gzip'), 415, 'unsupported_encoding'],
  ['B03', 'depth 33', echo('['.repeat(33) + ']'.repeat(33)), 400, 'json_too_complex'],
  ['B03', 'depth 100,000', echo('{"a":'.repeat(100_000)), 400, 'json_too_complex'],
  ['B03', '10,000 keys', echo(json(Object.fromEntries(Array.from({ length: 10_000 }, (_, i) => [i, 0])))), 400, 'json_too_complex'],
  ['B03', 'a million elements', post('/v1/native', arrayOf(1_000_000)), 400, 'json_too_complex'],
  ['B03', '1,001 elements in gzip', echo(gzipSync(arrayOf(1001)), 'content-encoding: gzip'), 400, 'json_too_complex'],
  ['B04', 'nothing', echo(''), 400, 'malformed_json'],
  ['B04', 'truncated', echo(`{"name":"${CANARY}`), 400, 'malformed_json'],
  ['B04', 'trailing comma', echo(`{"name":"${CANARY}",}`), 400, 'malformed_json'],
  ['B04', 'NaN', echo('{"amount":NaN}'), 400, 'malformed_json'],
  ['B04', 'byte order mark', echo(`\ufeff${good}`), 400, 'malformed_json'],
  ['B04', 'two documents', echo(good + good), 400, 'malformed_json'],
  ['B04', 'malformed, as text', echo('{', 'content-type: text/plain'), 400, 'malformed_json'],
  ['B05', 'bytes ff fe', echo(bytes(0x22, 0xff, 0xfe, 0x22)), 400, 'invalid_encoding'],
  ['B05', 'overlong', echo(bytes(0x22, 0xc0, 0xaf, 0x22)), 400, 'invalid_encoding'],
  ['B05', 'UTF-16', echo(Buffer.from(good, 'utf16le')), 400, 'invalid_encoding'],
  ['B05', 'lone surrogate', echo('{"name":"\\ud800"}'), 400, 'invalid_encoding'],
  ['B05', 'NUL', echo('{"name":"\\u0000"}'), 400, 'invalid_encoding'],
  ['B05', 'NUL in the query', get('/api/list?after=%00'), 400, 'invalid_encoding'],
  ['B05', 'half a character in the query', get('/api/list?after=%e4%ba'), 400, 'invalid_encoding'],
  ['B05', 'declared as GBK', echo(good, 'content-type: application/json; charset=gbk'), 415, 'unsupported_media_type'],
  ['B05', 'a form', echo('a=1', 'content-type: application/x-www-form-urlencoded'), 415, 'unsupported_media_type'],
  ['B05', 'no type', head('POST /api/echo', ['host: yunke.test', 'content-length: 2']) + '{}', 415, 'unsupported_media_type'],
  ['B06', 'amount twice', echo('{"name":"ada","amount":1,"amount":2}'), 400, 'duplicate_key'],
  ['B07', '__proto__', echo('{"name":"ada","__proto__":{"admin":true}}'), 400, 'forbidden_key'],
  ['B07', 'constructor.prototype', echo('{"constructor":{"prototype":{"a":1}}}'), 400, 'forbidden_key'],
  ['B07', '__proto__ in the query', get(`/api/list?__proto__[admin]=${CANARY}`), 400, 'forbidden_key'],
  ['B07', '__proto__ in the query, encoded', get('/api/list?%5F_proto__=1'), 400, 'forbidden_key'],
  ['B07', 'constructor.prototype in the query', get('/api/list?constructor[prototype][a]=1'), 400, 'forbidden_key'],
];

const values: Bad[] = [
  ['B08', '"1" for 1', echo(json({ name: 'ada', amount: '1' })), 422, 'validation_failed'],
  ['B08', '[] for a string', echo(json({ name: [] })), 422, 'validation_failed'],
  ['B08', '1 for true', echo(json({ name: 'ada', urgent: 1 })), 422, 'validation_failed'],
  ['B08', 'an array for an object', echo('[]'), 422, 'validation_failed'],
  ['B08', 'an array of good objects', echo(`[${good}]`), 422, 'validation_failed'],
  ['B08', 'a string for an object', echo(`"${CANARY}"`), 422, 'validation_failed'],
  ['B08', 'null for an object', echo('null'), 422, 'validation_failed'],
  ['B08', 'a number beyond the doubles', echo('{"name":"ada","amount":1e400}'), 422, 'validation_failed'],
  ['B08', 'a string for an inner object', echo(json({ name: 'ada', lines: [CANARY] })), 422, 'validation_failed'],
  ['B08', 'a parameter twice', get('/api/list?limit=1&limit=2'), 422, 'validation_failed'],
  ['B09', 'tenant_id', echo(json({ name: 'ada', tenant_id: CANARY })), 422, 'unknown_field'],
  ['B09', 'role, further inside', echo(json({ name: 'ada', lines: [{ sku: 'A', quantity: 1, role: CANARY }] })), 422, 'unknown_field'],
  ['B09', 'an unknown parameter', get(`/api/list?role=${CANARY}`), 422, 'unknown_field'],
  ['B09', 'a field named like an attack', echo(json({ name: 'ada', [`<${CANARY}>`]: 1 })), 422, 'unknown_field'],
  ['B36', 'limit 1e9', get('/api/list?limit=1000000000'), 422, 'limit_too_large'],
];

const CL_TE = ['host: yunke.test', 'content-length: 2', 'transfer-encoding: chunked'];
const heads: Bad[] = [
  ['B21', 'headers of 20 KB', get('/api/list', `x-pad: ${'x'.repeat(20 * KB)}`), 431, 'headers_too_large'],
  ['B21', '2,001 headers', get('/api/list', ...Array.from({ length: 2000 }, () => 'x:')), 431, 'headers_too_large'],
  ['B21', 'two Hosts', get('/api/list', `host: ${CANARY}`), 400, 'bad_request'],
  ['B21', 'no Host', head('GET /api/list', []), 400, 'bad_request'],
  ['B21', 'two Content-Lengths', echo(good, 'content-length: 5', 'content-length: 6'), 400, 'bad_request'],
  ['B21', 'a negative Content-Length', echo(good, 'content-length: -1'), 400, 'bad_request'],
  ['B21', 'Content-Length and Transfer-Encoding', head('POST /api/echo', CL_TE) + '0\r\n\r\n', 400, 'bad_request'],
  ['B21', 'a folded header', get('/api/list', `x-a: 1\r\n ${CANARY}`), 400, 'bad_request'],
  ['B21', 'a line feed alone', get('/api/list', `x-a: 1\nx-b: ${CANARY}`), 400, 'bad_request'],
  ['B21', 'a carriage return in a value', get('/api/list', `x-a: 1\r${CANARY}`), 400, 'bad_request'],
  ['B21', 'NUL in a value', get('/api/list', `x-a: 1\0${CANARY}`), 400, 'bad_request'],
  ['B21', 'a space before the colon', get('/api/list', `x-a : ${CANARY}`), 400, 'bad_request'],
  ['B21', 'an expectation', get('/api/list', 'expect: 200-maybe'), 417, 'expectation_failed'],
  ['B21', 'not HTTP', `${CANARY}\r\n\r\n`, 400, 'bad_request'],
  ['B22', 'TRACE', head('TRACE /api/list'), 405, 'method_not_allowed'],
  ['B22', 'CONNECT', head('CONNECT yunke.test:443'), 405, 'method_not_allowed'],
  ['B22', 'DELETE where only GET is', head('DELETE /api/list'), 405, 'method_not_allowed'],
  ['B22', 'a websocket', get('/api/list', 'connection: upgrade', 'upgrade: websocket'), 400, 'bad_request'],
  ['B22', 'an unknown address', get(`/api/${CANARY}`), 404, 'route.not_found'],
  ['B22', 'an unknown prefix', get(`/${CANARY}`), 404, 'route.not_found'],
  ['B22', 'a prefix within a word', get('/apis/list'), 404, 'route.not_found'],
  ['B22', 'a body for nobody', post(`/api/${CANARY}`, padded(5000 * KB)), 404, 'route.not_found'],
  ['B22', 'dots', get('/api/things/../list'), 404, 'route.not_found'],
  ['B22', '%2e%2e', get('/api/things/%2e%2e'), 404, 'route.not_found'],
  ['B22', '%2e%2e%2f', get('/api/things/%2E%2e%2fetc'), 404, 'route.not_found'],
  ['B22', 'encoded twice', get('/api/things/%252e%252e'), 404, 'route.not_found'],
  ['B22', 'overlong', get('/api/things/%c0%ae'), 404, 'route.not_found'],
  ['B22', 'NUL', get('/api/things/a%00'), 404, 'route.not_found'],
  ['B22', 'no escape', get('/api/things/%zz'), 404, 'route.not_found'],
  ['B22', 'an address of 9 KB', get(`/api/list?after=${'x'.repeat(9 * KB)}`), 414, 'uri_too_long'],
  ['B22', 'a parameter of 2 KB', get(`/api/things/${'x'.repeat(2 * KB)}`), 414, 'uri_too_long'],
  ['B23', 'a byte of the headers now and then', () => endless('GET /api/list HTTP/1.1\r\nx-a: ', 'x', 50), 408, 'request_timeout'],
  ['B23', 'headers that never end', () => ['GET /api/list HTTP/1.1\r\n'], 408, 'request_timeout'],
  ['B23', 'a byte of the body now and then', () => endless(echo(' ', 'content-length: 500').toString(), ' ', 50), 408, 'request_timeout'],
  ['bug', 'an error of ours', get('/api/bug'), 500, 'internal'],
  ['outage', 'the database is away', get('/api/outage'), 503, 'unavailable'],
];

describe('bad input', () => {
  const logged: object[] = [];
  let edge: Edge;
  beforeAll(async () => {
    const isTransient = (error: unknown) => (error as { code?: string }).code === 'ECONNREFUSED';
    edge = await startEdge(TIMEOUTS, { isTransient, log: { error: (fields) => logged.push(fields) } });
  });
  afterAll(() => edge.stop());

  it.each([...bodies, ...values, ...heads])('%s: %s', async (_id, _what, send, status, code) => {
    const pieces = typeof send === 'function' ? send() : [send];
    expectProblem(await talk(edge.port, pieces), status, code);

    const before = Date.now();
    const next = await talk(edge.port, [echo(good)]);
    expect([next.status, next.body]).toEqual([201, '{"name":"ada"}']);
    expect(Date.now() - before).toBeLessThan(1000);
  });

  it('points at every fault', async () => {
    const reply = await talk(edge.port, [echo(json({ name: '', lines: [{ sku: 'A', quantity: 0 }], role: 'x' }))]);
    expect(JSON.parse(reply.body).errors.map(({ pointer, code }: Record<string, string>) => [pointer, code]).sort()).toEqual([
      ['/lines/0/quantity', 'min'],
      ['/name', 'is_length'],
      ['/role', 'unknown_field'],
    ]);
  });

  it('answers what it took, whatever nonsense follows', async () => {
    const reply = await talk(edge.port, [Buffer.concat([echo(good), Buffer.from(`${CANARY}\r\n\r\n`)])]);
    expect([reply.status, reply.headers.connection]).toEqual([201, 'close']);
  });

  it('stops reading at the limit', async () => {
    const reply = await talk(edge.port, endless(head('POST /api/echo', CHUNKED), chunk));
    expect(reply.headers.connection).toBe('close');
    expect(reply.sent).toBeLessThan(16 * KB * KB);
  });

  it('says what a known address takes, and when to come again', async () => {
    expect((await talk(edge.port, [head('DELETE /api/list')])).headers.allow).toBe('GET, HEAD');
    const { headers, body } = await talk(edge.port, [get('/api/outage')]);
    expect([headers['retry-after'], JSON.parse(body).retry_after]).toEqual(['5', 5]);
  });

  it('logs what is our own fault, and only that', async () => {
    logged.length = 0;
    await talk(edge.port, [get('/api/bug', 'x-request-id: r-1')]);
    await talk(edge.port, [get('/api/outage')]);
    await talk(edge.port, [echo('{')]);
    expect(logged).toEqual([{ err: expect.any(TypeError), requestId: 'r-1' }]);
  });

  it('B23: drops a client that never reads', async () => {
    const accepted = once(edge.outer.server, 'connection') as Promise<[Socket]>;
    const client = connect(edge.port, '127.0.0.1').on('error', () => undefined);
    client.write(get('/api/big'));
    const [socket] = await accepted;
    await once(socket, 'close');
    client.destroy();
    expect(socket.bytesWritten).toBeGreaterThan(0);
    expect((await talk(edge.port, [echo(good)])).status).toBe(201);
  });

  it('lets an answer take as long as it needs while nothing waits to be read', async () => {
    expect((await talk(edge.port, [get('/api/slow')])).status).toBe(200);
  });
});

describe('unusual input that is no fault', () => {
  let edge: Edge;
  beforeAll(async () => {
    edge = await startEdge({});
  });
  afterAll(() => edge.stop());

  it.each([
    ['gzip', echo(gzipSync(good), 'content-encoding: gzip'), 201],
    ['JSON as text/plain', echo(good, 'content-type: text/plain;charset=UTF-8'), 201],
    ['5,000 elements to a native route', post('/v1/native', arrayOf(5000)), 201],
    ['1.9 MB to a native route', post('/v1/native', json(Array.from({ length: 1900 }, () => 'x'.repeat(1020)))), 201],
    ['an Accept that asks for something else', get('/api/list', 'accept: image/\u00ff;q=;;'), 200],
    ['an absolute address', head('GET http://yunke.test/api/list?limit=3'), 200],
    ['an offer of h2c', get('/api/list', 'connection: Upgrade, HTTP2-Settings', 'upgrade: h2c', 'http2-settings: AAMAAA'), 200],
    ['an encoded slash in an id', get('/api/things/a%2Fb%20%25'), 200],
  ])('%s', async (_what, send, status) => {
    expect((await talk(edge.port, [send])).status).toBe(status);
  });

  it('believes no X-Forwarded-For', async () => {
    expect(JSON.parse((await talk(edge.port, [get('/api/who', 'x-forwarded-for: 203.0.113.7')])).body)).toEqual({ ip: '127.0.0.1' });
  });

  it('keeps a sane request id and replaces any other', async () => {
    const id = async (given: string) => (await talk(edge.port, [get('/api/list', `x-request-id: ${given}`)])).headers['x-request-id'];
    expect(await id('shop-1.a_2')).toBe('shop-1.a_2');
    expect(await id(`<${CANARY}>`)).toMatch(/^[0-9a-f-]{36}$/);
    expect(await id('x'.repeat(65))).toMatch(/^[0-9a-f-]{36}$/);
  });

  it('marks answers as not to be guessed at or kept', async () => {
    const { headers } = await talk(edge.port, [get('/api/list')]);
    expect(headers).toMatchObject({ 'x-content-type-options': 'nosniff', 'cache-control': 'no-store' });
  });
});

function expectProblem(reply: Reply, status: number, code: string): void {
  const body = JSON.parse(reply.body) as Record<string, unknown>;
  expect({ status: reply.status, ...body }).toMatchObject({ status, code, type: `https://yunke.dev/problems/${code}` });
  expect(reply.headers['content-type']).toMatch(/^application\/problem\+json/);
  expect(Object.keys(body)).toEqual(expect.arrayContaining(['type', 'title', 'status', 'detail', 'instance', 'code']));
  expect(reply.headers['x-request-id']).toBe(body.instance);
  expect(reply.body).not.toMatch(/kanarie|node_modules|\.[jt]s:|\\n\s*at |\bselect\b|Error:/i);
}
