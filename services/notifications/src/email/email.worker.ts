import { Injectable, Logger, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import addressparser from 'nodemailer/lib/addressparser';
import MailComposer from 'nodemailer/lib/mail-composer';

import { Problem } from '@yunke/kernel';

import type { Message, Provider } from '../delivery/channel.js';
import type { Result } from '../intent/attempt.js';
import { NotificationsConfig } from '../notifications.config.js';
import { Mailbox } from './mailbox.worker.js';
import { Smtp } from './smtp.worker.js';

/** E-mail over SMTP: to the server that the configuration names, else to the built-in mailbox. */
@Injectable()
export class EmailProvider implements Provider, OnApplicationBootstrap, OnApplicationShutdown {
  readonly #log = new Logger('email');
  #smtp: Smtp | undefined;

  constructor(private readonly config: NotificationsConfig, private readonly mailbox: Mailbox) {}

  async onApplicationBootstrap(): Promise<void> {
    if (this.config.staff.length === 0) this.#log.warn('nobody is told of stock alerts: YUNKE_STAFF_EMAILS is not set');
    this.#smtp = new Smtp({ url: this.config.smtpUrl ?? (await this.mailbox.listen()), timeoutMs: this.config.callSeconds * 1_000 });
  }

  /** After the dispatcher has sent what was in flight. */
  async onApplicationShutdown(): Promise<void> {
    this.#smtp?.close();
    await this.mailbox.close();
  }

  /** The same Message-ID for every repetition: a server that looks at it takes a message once. */
  async call({ key, email }: Message): Promise<Result> {
    if (!email) throw new Problem('invalid', 'message.not_email', 'This is no e-mail.');
    const { to, subject, html, text, unsubscribe } = email;
    const from = addressparser(this.config.from)[0]!.address!;
    const headers = unsubscribe === undefined ? { 'Auto-Submitted': 'auto-generated' } : { 'List-Unsubscribe': `<${unsubscribe}>`, 'List-Unsubscribe-Post': 'List-Unsubscribe=One-Click', 'Auto-Submitted': 'auto-generated' };
    const mail = new MailComposer({ from: this.config.from, to: { name: '', address: to }, subject, html, text, messageId: `<${key}@${from.slice(from.lastIndexOf('@') + 1)}>`, headers, disableFileAccess: true, disableUrlAccess: true });
    return this.#smtp!.send({ from, to }, await mail.compile().build());
  }
}
