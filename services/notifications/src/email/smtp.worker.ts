import SMTPConnection from 'nodemailer/lib/smtp-connection';

import type { Result } from '../intent/attempt.js';

type Failure = Error & { readonly code?: string; readonly command?: string; readonly responseCode?: number; readonly response?: string; readonly isBroken?: boolean };

/** Where mail is handed in: `smtp://` or `smtps://`, user and password in it, and the milliseconds that handing in one message may take. */
export type SmtpServer = { readonly url: string; readonly timeoutMs: number };

const KEPT_OPEN = 8;

/** Hands in mail, over connections that are kept open for a while. */
export class Smtp {
  readonly #idle: SMTPConnection[] = [];
  #isClosed = false;

  constructor(private readonly server: SmtpServer) {}

  /** Hands in one message, in its time. What is known of the moment of a failure decides whether it may have been taken. */
  async send(envelope: { readonly from: string; readonly to: string }, message: Buffer): Promise<Result> {
    const endsAt = performance.now() + this.server.timeoutMs;
    let connection: SMTPConnection;
    try {
      connection = await this.#open(endsAt);
    } catch (error) {
      return { kind: 'busy', why: whyOf(error as Failure, 'smtp.unreachable') }; // no message was spoken of yet
    }
    try {
      const info = await answer<SMTPConnection.SentMessageInfo>(connection, endsAt, (done) => connection.send({ from: envelope.from, to: [envelope.to] }, message, done));
      this.#keep(connection);
      return { kind: 'accepted', why: 'accepted', ...(info?.response !== undefined && { providerId: String(info.response).slice(0, 200) }) };
    } catch (error) {
      connection.close();
      return resultOf(error as Failure);
    }
  }

  close(): void {
    this.#isClosed = true;
    for (const connection of this.#idle.splice(0)) connection.quit();
  }

  /** An open connection that is alive, else a new one. Where one has died the others are not asked: that would take the time of the call. */
  async #open(endsAt: number): Promise<SMTPConnection> {
    const kept = this.#idle.pop();
    try {
      if (kept) await answer(kept, performance.now() + this.server.timeoutMs / 4, (done) => kept.reset(done));
      if (kept) return kept;
    } catch {
      for (const dead of [kept!, ...this.#idle.splice(0)]) dead.close();
    }
    const { hostname, port, protocol, username, password } = new URL(this.server.url);
    const { timeoutMs } = this.server;
    const connection = new SMTPConnection({
      host: hostname, secure: protocol === 'smtps:', ...(port !== '' && { port: Number(port) }), connectionTimeout: timeoutMs, greetingTimeout: timeoutMs, socketTimeout: timeoutMs, dnsTimeout: timeoutMs,
    });
    const forget = (): void => void (this.#idle.includes(connection) && this.#idle.splice(this.#idle.indexOf(connection), 1));
    connection.on('error', forget).on('end', forget); // whoever uses it hears of its end, too; unheard it would end the process
    try {
      await answer(connection, endsAt, (done) => connection.connect(done));
      if (username !== '') await answer(connection, endsAt, (done) => connection.login({ user: decodeURIComponent(username), pass: decodeURIComponent(password) }, done));
      return connection;
    } catch (error) {
      connection.close();
      throw error;
    }
  }

  #keep(connection: SMTPConnection): void {
    if (this.#isClosed || this.#idle.length >= KEPT_OPEN) return void connection.quit();
    this.#idle.push(connection);
  }
}

/**
 * Asks a connection for one step, which is over at an instant of `performance.now()`. One that breaks or is closed meanwhile forgets whom it
 * owes an answer, so that is an answer, too.
 */
function answer<T>(connection: SMTPConnection, endsAt: number, ask: (done: (error?: Failure | null, given?: T) => void) => void): Promise<T | undefined> {
  return new Promise((resolve, reject) => {
    const settle = (end: () => void): void => {
      clearTimeout(timer);
      connection.off('error', broken).off('end', ended);
      end();
    };
    const broken = (error: Failure): void => settle(() => reject(Object.assign(error, { isBroken: true })));
    const ended = (): void => broken(new Error('The connection ended.'));
    const timer = setTimeout(() => { broken(Object.assign(new Error('Time is up.'), { code: 'ETIMEDOUT' })); connection.close(); }, Math.max(0, endsAt - performance.now()));
    connection.once('error', broken).once('end', ended);
    ask((error, given) => settle(() => (error ? reject(error) : resolve(given))));
  });
}

/** A reply (RFC 5321 §4.2) settles it: 5yz never, 4yz later. An address that does not exist is dead. Without a reply nobody knows. */
function resultOf(error: Failure): Result {
  const { responseCode, command } = error;
  if (responseCode === undefined || error.isBroken) return ['EENVELOPE', 'EMESSAGE'].includes(error.code ?? '') ? { kind: 'refused', why: 'smtp.message_invalid' } : { kind: 'unclear', why: whyOf(error, 'smtp.broken') };
  if (responseCode < 500 || command === 'MAIL FROM') return { kind: 'busy', why: `smtp.${responseCode}` }; // a sender that is refused is our fault, not the message's
  const isDead = command === 'RCPT TO' && ([551, 553].includes(responseCode) || /^5\d\d[ -]5\.1\.\d/.test(error.response ?? '') || responseCode === 550 && !/^5\d\d[ -]5\.[2-9]/.test(error.response ?? ''));
  return { kind: 'refused', why: `smtp.${responseCode}`, ...(isDead && { isDead }) };
}

const whyOf = ({ responseCode, code }: Failure, otherwise: string): string => (responseCode !== undefined ? `smtp.${responseCode}` : code === 'ETIMEDOUT' ? 'smtp.timeout' : code === 'EAUTH' ? 'smtp.auth' : otherwise);
