import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

import SMTPConnection from 'nodemailer/lib/smtp-connection';
import { SMTPServer, type SMTPServerOptions } from 'smtp-server';

import { Smtp } from './smtp.worker.js';

const refuse = (responseCode: number, message: string): Error => Object.assign(new Error(message), { responseCode });
const mail = Buffer.from('Subject: Tea\r\n\r\nIt is ready.\r\n');
const closing: (() => void)[] = [];
afterEach(() => { for (const close of closing.splice(0)) close(); });

/** A mail server that behaves as told, and a way to it. `swallows`: a command that never gets through to it. */
async function smtp(options: SMTPServerOptions = {}, { timeoutMs = 2_000, swallows }: { timeoutMs?: number; swallows?: string } = {}): Promise<{ smtp: Smtp; taken: string[]; connections: () => number }> {
  const taken: string[] = [];
  let connections = 0;
  const server = new SMTPServer({
    authOptional: true, disabledCommands: ['STARTTLS'], allowInsecureAuth: true, logger: false,
    onConnect: (_session, done) => { connections += 1; done(); },
    onData: (stream, _session, done) => { let text = ''; stream.on('data', (chunk) => (text += chunk)).on('end', () => { taken.push(text); done(); }); },
    ...options,
  });
  server.on('error', () => undefined);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.server.address() as AddressInfo;
  const client = new Smtp({ url: `smtp://${options.onAuth ? 'shop:wrong@' : ''}127.0.0.1:${swallows === undefined ? port : await swallowing(swallows, port)}`, timeoutMs });
  closing.push(() => client.close(), () => server.close());
  return { smtp: client, taken, connections: () => connections };
}

/** The port of a line to a mail server on which one command is lost. */
async function swallowing(command: string, port: number): Promise<number> {
  const proxy = createServer((socket) => {
    const line = connect(port, '127.0.0.1').on('error', () => undefined);
    line.pipe(socket.on('error', () => undefined).on('data', (chunk) => void (chunk.includes(command) || line.write(chunk))).on('close', () => line.destroy()));
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  closing.push(() => proxy.close());
  return (proxy.address() as AddressInfo).port;
}

const send = (client: Smtp) => client.send({ from: 'shop@example.com', to: 'ada@example.com' }, mail);

describe('handing in mail', () => {
  it('is accepted with what the server calls it, and goes on over the same connection', async () => {
    const { smtp: client, taken, connections } = await smtp();

    expect(await send(client)).toMatchObject({ kind: 'accepted', providerId: expect.stringContaining('250') });
    expect(await send(client)).toMatchObject({ kind: 'accepted' });
    expect(taken).toHaveLength(2);
    expect(connections()).toBe(1);
  });

  it('goes on over the same connection for ever, and no listeners pile up on it', async () => {
    const { smtp: client, connections } = await smtp();
    const { reset } = SMTPConnection.prototype;
    let listeners = 0;
    SMTPConnection.prototype.reset = function (done) {
      listeners = this.listenerCount('error') + this.listenerCount('end');
      reset.call(this, done);
    };
    try {
      for (let n = 0; n < 15; n += 1) await send(client);
    } finally {
      SMTPConnection.prototype.reset = reset;
    }
    expect(connections()).toBe(1);
    expect(listeners).toBeGreaterThan(0);
    expect(listeners).toBeLessThan(6);
  });

  it.each([
    ['an address that does not exist', { onRcptTo: (_a, _s, done) => done(refuse(550, '5.1.1 nobody here')) }, { kind: 'refused', why: 'smtp.550', isDead: true }],
    ['an address that refuses us', { onRcptTo: (_a, _s, done) => done(refuse(550, '5.7.1 go away')) }, { kind: 'refused', why: 'smtp.550' }],
    ['a full letter box', { onRcptTo: (_a, _s, done) => done(refuse(452, '4.2.2 full')) }, { kind: 'busy', why: 'smtp.452' }],
    ['a sender that may not', { onMailFrom: (_a, _s, done) => done(refuse(553, '5.7.1 not yours')) }, { kind: 'busy', why: 'smtp.553' }],
    ['a message that looks like spam', { onData: (stream, _s, done) => void stream.resume().on('end', () => done(refuse(554, '5.6.0 spam'))) }, { kind: 'refused', why: 'smtp.554' }],
    ['a server that asks to come back', { onData: (stream, _s, done) => void stream.resume().on('end', () => done(refuse(451, '4.3.0 later'))) }, { kind: 'busy', why: 'smtp.451' }],
    ['a server that never answers for the message', { onData: (stream) => void stream.resume() }, { kind: 'unclear', why: 'smtp.timeout' }],
    ['a wrong password', { onAuth: (_a, _s, done) => done(refuse(535, 'no')) }, { kind: 'busy', why: 'smtp.535' }],
  ] as [string, SMTPServerOptions, object][])('tells what %s means', async (_name, options, expected) => {
    const { smtp: client } = await smtp(options);

    expect(await send(client)).toEqual(expected);
  });

  it('has its time for all the steps together, however lively the server is', async () => {
    const slowly = (done: () => void): void => void setTimeout(done, 400);
    const { smtp: greets } = await smtp({ onConnect: (_s, done) => slowly(done), onAuth: (_a, _s, done) => slowly(() => done(null, { user: 'shop' })) }, { timeoutMs: 600 });
    const { smtp: takes } = await smtp({ onMailFrom: (_a, _s, done) => slowly(done), onRcptTo: (_a, _s, done) => slowly(done) }, { timeoutMs: 600 });

    expect(await send(greets)).toEqual({ kind: 'busy', why: 'smtp.timeout' });
    expect(await send(takes)).toEqual({ kind: 'unclear', why: 'smtp.timeout' });
  });

  it('waits for no server that falls silent over the password', async () => {
    const { smtp: client } = await smtp({ onAuth: () => undefined }, { timeoutMs: 300 });

    expect(await send(client)).toEqual({ kind: 'busy', why: 'smtp.timeout' });
  });

  it('takes a new connection when the one it kept has fallen silent', async () => {
    const { smtp: client, taken, connections } = await smtp({}, { timeoutMs: 1_000, swallows: 'RSET' });

    expect(await send(client)).toMatchObject({ kind: 'accepted' });
    expect(await send(client)).toMatchObject({ kind: 'accepted' });
    expect(taken).toHaveLength(2);
    expect(connections()).toBe(2);
  });

  it('knows that nothing left when nobody listens, and does not know when the line breaks behind the message', async () => {
    const { port } = await new Promise<AddressInfo>((resolve) => { const probe = createServer().listen(0, '127.0.0.1', () => { const address = probe.address() as AddressInfo; probe.close(() => resolve(address)); }); });
    const nobody = new Smtp({ url: `smtp://127.0.0.1:${port}`, timeoutMs: 2_000 });
    let broken: Socket | undefined;
    const server = new SMTPServer({ authOptional: true, disabledCommands: ['STARTTLS'], logger: false, onData: (stream) => void stream.resume().on('end', () => broken!.destroy()) });
    server.on('error', () => undefined);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const proxy = createServer((socket) => {
      broken = socket.on('error', () => undefined);
      const line = connect((server.server.address() as AddressInfo).port, '127.0.0.1').on('error', () => undefined);
      socket.pipe(line).pipe(socket);
    });
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
    const through = new Smtp({ url: `smtp://127.0.0.1:${(proxy.address() as AddressInfo).port}`, timeoutMs: 2_000 });
    closing.push(() => server.close(), () => proxy.close());

    expect(await send(nobody)).toEqual({ kind: 'busy', why: 'smtp.unreachable' });
    expect(await send(through)).toEqual({ kind: 'unclear', why: 'smtp.broken' });
  });
});
