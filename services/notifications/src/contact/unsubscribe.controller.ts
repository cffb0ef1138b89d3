import { Controller, Get, Header, HttpCode, Param, Post } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';

import { present } from '@yunke/kernel';
import { Db } from '@yunke/postgres';
import { Public, TakesBody } from '@yunke/service';

import { NotificationsConfig } from '../notifications.config.js';
import { changeContact } from './changing.worker.js';
import { contactOfToken, type Change } from './contact.js';
import { confirmationPage, donePage } from './unsubscribe.page.js';

const HTML = 'text/html; charset=utf-8';

/** The way out of marketing, for whoever holds a link from a message. Looking changes nothing: mail programs open links by themselves. */
@ApiExcludeController()
@Controller('notifications')
@Public()
export class UnsubscribeController {
  constructor(private readonly db: Db, private readonly config: NotificationsConfig) {}

  @Get('unsubscribe/:token') @Header('content-type', HTML)
  ask(@Param('token') token: string): string {
    this.#contactOf(token);
    return confirmationPage(token);
  }

  /** One click (RFC 8058): a mail program posts to the link itself; so does the button of the page. */
  @Post('unsubscribe/:token') @HttpCode(200) @Header('content-type', HTML) @TakesBody({ bytes: 4_096, form: true })
  async unsubscribe(@Param('token') token: string): Promise<string> {
    await this.#change(token, 'unsubscribed');
    return donePage(token, false);
  }

  @Post('subscribe/:token') @HttpCode(200) @Header('content-type', HTML) @TakesBody({ bytes: 4_096, form: true })
  async subscribe(@Param('token') token: string): Promise<string> {
    await this.#change(token, 'resubscribed');
    return donePage(token, true);
  }

  async #change(token: string, change: Change): Promise<void> {
    const id = this.#contactOf(token);
    await this.db.tx(async (tx) => changeContact(tx, id, { change, by: 'person', at: await tx.now(), cause: `link:${crypto.randomUUID()}` }));
  }

  /** @throws link.not_found for one that nobody here made */
  #contactOf(token: string): string {
    return present(contactOfToken(this.config.secret, token), 'link.not_found');
  }
}
