import SMTPConnection from 'nodemailer/lib/smtp-connection';

import type { Result } from '../intent/attempt.js';

type Failure = Error & { readonly code?: string; readonly command?: string; readonly responseCode?: number; readonly response?: string };

/** Where mail is handed in: `smtp://` or `smtps://`, user and password in it, and the milliseconds one step may take. */
export type SmtpServer = { readonly url: string; readonly timeoutMs: number };

const KEPT_OPEN = 8;

/** Hands in mail, over connections that are kept open for a while. */
export class Smtp {
  readonly #idle: SMTPConnection[] = [];
  #isClosed = false;

  constructor(private readonly server: SmtpServer) {}

  /** Hands in one message. What is known of the moment of a failure decides whether it may have been taken. */
  async send(envelope: { readonly from: string; readonly to: string }, message: Buffer): Promise<Result> {
    let connection: SMTPConnection;
    try {
      connection = await this.#open();
    } catch (error) {
      return { kind: 'busy', why: whyOf(error as Failure, 'smtp.unreachable') }; // no message was spoken of yet
    }
    return new Promise((resolve) => {
      const broken = (error: Failure): void => resolve({ kind: 'unclear', why: whyOf(error, 'smtp.broken') });
      connection.once('error', broken);
      connection.send({ from: envelope.from, to: [envelope.to] }, message, (error, info) => {
        connection.off('error', broken);
        if (error) connection.close();
        else this.#keep(connection);
        resolve(error ? resultOf(error) : { kind: 'accepted', why: 'accepted', ...(info?.response !== undefined && { providerId: String(info.response).slice(0, 200) }) });
      });
    });
  }

  close(): void {
    this.#isClosed = true;
    for (const connection of this.#idle.splice(0)) connection.quit();
  }

  /** An open connection that was alive just now, else a new one. */
  async #open(): Promise<SMTPConnection> {
    for (let idle = this.#idle.pop(); idle !== undefined; idle = this.#idle.pop()) {
      const found = idle;
      try {
        await answer(found, (done) => found.reset(done));
        return found;
      } catch {
        found.close();
      }
    }
    const { hostname, port, protocol, username, password } = new URL(this.server.url);
    const { timeoutMs } = this.server;
    const connection = new SMTPConnection({
      host: hostname, secure: protocol === 'smtps:', ...(port !== '' && { port: Number(port) }), connectionTimeout: timeoutMs, greetingTimeout: timeoutMs, socketTimeout: timeoutMs, dnsTimeout: timeoutMs,
    });
    const forget = (): void => void (this.#idle.includes(connection) && this.#idle.splice(this.#idle.indexOf(connection), 1));
    connection.on('error', forget).on('end', forget); // whoever uses it hears of its end, too; unheard it would end the process
    try {
      await answer(connection, (done) => connection.connect(done));
      if (username !== '') await answer(connection, (done) => connection.login({ user: decodeURIComponent(username), pass: decodeURIComponent(password) }, done));
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

/** Asks a connection for one step. One that breaks or ends meanwhile forgets whom it owes an answer, so that is an answer, too. */
function answer(connection: SMTPConnection, ask: (done: (error?: Error | null) => void) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = (error?: Error | null): void => {
      connection.off('error', settle).off('end', ended);
      if (error) reject(error);
      else resolve();
    };
    const ended = (): void => settle(new Error('The connection ended.'));
    connection.once('error', settle).once('end', ended);
    ask(settle);
  });
}

/** A reply (RFC 5321 §4.2) settles it: 5yz never, 4yz later. An address that does not exist is dead. Without a reply nobody knows. */
function resultOf(error: Failure): Result {
  const { responseCode, command } = error;
  if (responseCode === undefined) return ['EENVELOPE', 'EMESSAGE'].includes(error.code ?? '') ? { kind: 'refused', why: 'smtp.message_invalid' } : { kind: 'unclear', why: whyOf(error, 'smtp.broken') };
  if (responseCode < 500 || command === 'MAIL FROM') return { kind: 'busy', why: `smtp.${responseCode}` }; // a sender that is refused is our fault, not the message's
  const isDead = command === 'RCPT TO' && ([551, 553].includes(responseCode) || /^5\d\d[ -]5\.1\.\d/.test(error.response ?? '') || responseCode === 550 && !/^5\d\d[ -]5\.[2-9]/.test(error.response ?? ''));
  return { kind: 'refused', why: `smtp.${responseCode}`, ...(isDead && { isDead }) };
}

const whyOf = ({ responseCode, code }: Failure, otherwise: string): string => (responseCode !== undefined ? `smtp.${responseCode}` : code === 'ETIMEDOUT' ? 'smtp.timeout' : code === 'EAUTH' ? 'smtp.auth' : otherwise);
