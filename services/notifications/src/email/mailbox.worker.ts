import type { AddressInfo } from 'node:net';

import { Injectable } from '@nestjs/common';
import { simpleParser } from 'mailparser';
import { SMTPServer } from 'smtp-server';

import { Db } from '@yunke/postgres';

import { NotificationsConfig } from '../notifications.config.js';
import { keep } from './mailbox.store.js';

const LARGEST_BYTES = 5 * 1024 * 1024;

/**
 * The built-in mailbox: an SMTP server on loopback that keeps what it takes in the service's database. For trying, developing and tests;
 * it starts only where no other server is configured. It takes a message once: a repetition, by Message-ID and recipient, is counted.
 */
@Injectable()
export class Mailbox {
  #server: SMTPServer | undefined;

  constructor(private readonly db: Db, private readonly config: NotificationsConfig) {}

  /** Starts it. Returns where mail is handed in. */
  async listen(): Promise<string> {
    const server = (this.#server = new SMTPServer({
      authOptional: true, disabledCommands: ['AUTH', 'STARTTLS'], size: LARGEST_BYTES, logger: false,
      onData: (stream, { envelope }, done) => {
        const sender = envelope.mailFrom === false ? '' : envelope.mailFrom.address;
        this.#take(stream, sender, envelope.rcptTo.map(({ address }) => address)).then(() => done(), () => done(Object.assign(new Error('Try again later'), { responseCode: 451 })));
      },
    }));
    server.on('error', () => undefined); // a client that went away
    await new Promise<void>((resolve, reject) => server.listen(this.config.mailboxPort, '127.0.0.1', resolve).once('error', reject));
    return `smtp://127.0.0.1:${(server.server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    await new Promise<void>((resolve) => (this.#server ? this.#server.close(resolve) : resolve()));
  }

  async #take(stream: Parameters<typeof simpleParser>[0], sender: string, recipients: readonly string[]): Promise<void> {
    const { messageId, subject, text, html, headerLines } = await simpleParser(stream, { skipTextToHtml: true, skipHtmlToText: true, skipImageLinks: true });
    const headers = headerLines.map(({ line }) => line);
    await this.db.tx((tx) => keep(tx, recipients.map((recipient) => ({ messageId: messageId ?? crypto.randomUUID(), recipient, sender, subject: subject ?? '', text: text ?? '', html: html || '', headers }))));
  }
}
