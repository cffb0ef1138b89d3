import { Injectable } from '@nestjs/common';

import { EmailProvider } from '../email/email.worker.js';
import type { Channel } from '../rule/rule.js';
import { WebhookProvider } from '../webhook/webhook.worker.js';
import type { Provider } from './channel.js';

/** The ways out, by channel. */
@Injectable()
export class Providers {
  readonly #byChannel: Readonly<Record<Channel, Provider>>;

  constructor(email: EmailProvider, webhook: WebhookProvider) {
    this.#byChannel = { email, webhook };
  }

  of(channel: Channel): Provider {
    return this.#byChannel[channel];
  }
}
