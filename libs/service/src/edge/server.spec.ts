import { Agent, request as httpRequest, type IncomingMessage } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { once } from 'node:events';
import { createOuterServer, type Handler, type OuterOptions, type OuterServer } from './server.js';

const MB = 1024 * 1024;

const says = (text: string): Handler => (_request, response) => void response.end(text);

const open: OuterServer[] = [];
afterEach(() => Promise.all(open.splice(0).map((outer) => outer.close(0))));

async function listening(mounts: Record<string, Handler>, options: OuterOptions = {}) {
  const outer = createOuterServer(options);
  open.push(outer);
  for (const [prefix, handler] of Object.entries(mounts)) outer.mount([prefix], handler);
  outer.complete();
  outer.server.listen(0, '127.0.0.1');
  await once(outer.server, 'listening');
  const { port } = outer.server.address() as AddressInfo;
  return { outer, port, url: `http://127.0.0.1:${port}` };
}

/** A handler whose answer waits for `answer()`. */
function waiting() {
  const { promise: arrived, resolve: arrive } = Promise.withResolvers<void>();
  const { promise: released, resolve: answer } = Promise.withResolvers<void>();
  const handler: Handler = (_request, response) => {
    arrive();
    void released.then(() => response.end('done'));
  };
  return { arrived, answer, handler };
}

describe('the outer server', () => {
  it('gives a request to the application with the longest prefix, in whole segments', async () => {
    const { url } = await listening({ '/': says('console'), '/api': says('api'), '/api/orders': says('orders') });
    const at = async (path: string) => (await fetch(url + path)).text();
    expect(await Promise.all(['/', '/apis', '/api', '/api?x=/api/orders', '/api/orders/1', '/api/ordersx'].map(at))).toEqual([
      'console',
      'console',
      'api',
      'api',
      'orders',
      'api',
    ]);
  });

  it('answers for a handler that throws, and lives on', async () => {
    const logged: object[] = [];
    const throws: Handler = () => {
      throw new Error('kanarie');
    };
    const { url } = await listening({ '/': throws, '/ok': says('ok') }, { log: { error: (fields) => logged.push(fields) } });
    const reply = await fetch(url);
    expect([reply.status, await reply.text()]).toEqual([500, expect.not.stringContaining('kanarie')]);
    expect(logged).toHaveLength(1);
    expect((await fetch(`${url}/ok`)).status).toBe(200);
  });

  it('gets an early answer to a client that sends everything before it reads', async () => {
    const { outer, port } = await listening({});
    const client = connect(port, '127.0.0.1').pause();
    client.write(`POST /nowhere HTTP/1.1\r\nhost: a\r\ncontent-length: ${7 * MB}\r\n\r\n`);
    client.write(Buffer.alloc(7 * MB));
    const [socket] = (await once(outer.server, 'connection')) as [Socket];
    await once(socket, 'close');
    expect(socket.bytesRead).toBeGreaterThan(7 * MB);
    const [answer] = await once(client.setEncoding('utf8').resume(), 'data');
    expect(answer).toMatch(/^HTTP\/1.1 404 .*connection: close/is);
    client.destroy();
  });

  it('takes no more connections than it may', async () => {
    const { outer, port } = await listening({}, { maxConnections: 1 });
    const first = connect(port, '127.0.0.1');
    await once(outer.server, 'connection');
    const second = connect(port, '127.0.0.1').resume();
    await once(second, 'close');
    expect(first.closed).toBe(false);
    first.destroy();
  });

  it('does not take what follows an early answer for a request', async () => {
    const seen: string[] = [];
    const counts: Handler = (request, response) => {
      seen.push(request.url!);
      response.shouldKeepAlive = false;
      response.end();
    };
    const { outer, port } = await listening({ '/': counts });
    const client = connect({ port, host: '127.0.0.1', allowHalfOpen: true }).resume();
    client.write('POST /first HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\n\r\n');
    const [socket] = (await once(outer.server, 'connection')) as [Socket];
    await once(client, 'end');
    client.end('abcGET /second HTTP/1.1\r\nhost: a\r\n\r\n');
    await once(socket, 'close');
    expect(seen).toEqual(['/first']);
  });
});

describe('the end of the outer server', () => {
  it('begins with answers that end their connections, new ones and those that were kept', async () => {
    const { outer, url } = await listening({ '/': says('ok') });
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const asked = async (by: Agent) => {
      const [reply] = (await once(httpRequest(url, { agent: by }).end(), 'response')) as [IncomingMessage];
      await once(reply.resume(), 'end');
      return [reply.statusCode, reply.headers.connection];
    };
    expect(await asked(agent)).toEqual([200, 'keep-alive']);
    const drained = outer.drain(300);
    expect([await asked(agent), await asked(agent), await asked(new Agent())]).toEqual([[200, 'close'], [200, 'close'], [200, 'close']]);
    await drained;
    expect(await asked(agent)).toEqual([200, 'close']);
  });

  it('says close on what was begun before', async () => {
    const { arrived, answer, handler } = waiting();
    const { outer, url } = await listening({ '/': handler });
    const begun = once(httpRequest(url, { agent: new Agent({ keepAlive: true }) }).end(), 'response') as Promise<[IncomingMessage]>;
    await arrived;
    const drained = outer.drain(50);
    answer();
    expect((await begun)[0].resume().headers.connection).toBe('close');
    await drained;
  });

  it('comes after what has begun, on connections that then close', async () => {
    const { arrived, answer, handler } = waiting();
    const { outer, url } = await listening({ '/': handler });
    const agent = new Agent({ keepAlive: true });
    const begun = once(httpRequest(url, { agent }).end(), 'response') as Promise<[IncomingMessage]>;
    await arrived;
    const closed = outer.close(5_000);
    await expect(fetch(url)).rejects.toThrow();
    answer();
    const [reply] = await begun;
    expect([reply.statusCode, reply.headers.connection]).toEqual([200, 'close']);
    reply.resume();
    await closed;
  });

  it('does not wait for connections on which nothing happens', async () => {
    const { outer, port, url } = await listening({ '/': says('ok') });
    await (await fetch(url)).text();
    const silent = connect(port, '127.0.0.1').resume();
    await once(outer.server, 'connection');
    const before = Date.now();
    await outer.close(5_000);
    expect(Date.now() - before).toBeLessThan(1_000);
    silent.destroy();
  });

  it('cuts off what is not done at the deadline', async () => {
    const { arrived, handler } = waiting();
    const { outer, url } = await listening({ '/': handler });
    const cut = expect(fetch(url)).rejects.toThrow();
    await arrived;
    await outer.close(100);
    await cut;
  });
});
