import type { Settings } from '@yunke/service';

import { isZone } from './person/quiet-hours.js';

/** The service's settings. Times are in seconds, zones of the IANA database, languages BCP 47. */
export class NotificationsConfig {
  /** `YUNKE_SECRET`: signs unsubscribe links and gives each webhook endpoint its secret. */
  readonly secret: string;
  /** `YUNKE_SMTP_URL`, such as `smtps://user:password@mail.example.com`; absent: the built-in mailbox. */
  readonly smtpUrl: string | undefined;
  readonly mailboxPort: number;
  readonly from: string;
  /** Where customers reach this installation: the links in messages begin with it, so it has no fallback once they leave this machine. */
  readonly publicUrl: string;
  /** Whom staff messages go to. */
  readonly staff: readonly string[];
  /** For people of whom none is known. */
  readonly language: string;
  readonly timezone: string;
  readonly shop: string;
  /** `YUNKE_EGRESS_ALLOW`: hosts, addresses and CIDR ranges that webhooks may reach although they are private. */
  readonly egressAllow: readonly string[];
  /** How long one call of a provider may take, all its steps together; a message whose call was not finished within twice that is taken over. */
  readonly callSeconds: number;

  /** `YUNKE_ENDED_DAYS`: how long messages that ended are kept. */
  readonly endedDays: number;

  constructor(settings: Settings) {
    this.secret = settings.text('YUNKE_SECRET');
    this.smtpUrl = settings.optional('YUNKE_SMTP_URL');
    if (this.smtpUrl !== undefined && !/^smtps?:\/\//.test(this.smtpUrl)) settings.fault('YUNKE_SMTP_URL', 'must begin with smtp:// or smtps://');
    this.mailboxPort = settings.integer('YUNKE_MAILBOX_PORT', { fallback: 0, most: 65_535 });
    this.shop = settings.text('YUNKE_SHOP_NAME', 'Yunke');
    this.from = settings.text('YUNKE_MAIL_FROM', `${this.shop} <no-reply@yunke.localhost>`);
    if (!/@[\w.-]+>?$/.test(this.from)) settings.fault('YUNKE_MAIL_FROM', 'must be an e-mail address, such as Shop <no-reply@example.com>');
    this.publicUrl = settings.text('YUNKE_PUBLIC_URL', `http://127.0.0.1:${settings.integer('YUNKE_PORT', { fallback: 8080, most: 65_535 })}`).replace(/\/+$/, '');
    if (this.smtpUrl !== undefined && settings.optional('YUNKE_PUBLIC_URL') === undefined) settings.fault('YUNKE_PUBLIC_URL', 'is missing: with YUNKE_SMTP_URL, customers get links that begin with it');
    if (!URL.canParse(this.publicUrl)) settings.fault('YUNKE_PUBLIC_URL', 'must be an address, such as https://yunke.example.com');
    const staff = settings.list('YUNKE_STAFF_EMAILS');
    this.staff = staff.length > 0 || this.smtpUrl !== undefined ? staff : ['staff@yunke.localhost'];
    this.language = settings.oneOf('YUNKE_LANGUAGE', ['zh-CN', 'en'], 'zh-CN');
    this.timezone = settings.text('YUNKE_TIMEZONE', 'Asia/Shanghai');
    if (!isZone(this.timezone)) settings.fault('YUNKE_TIMEZONE', 'must be a zone of the IANA database, such as Asia/Shanghai');
    this.egressAllow = settings.list('YUNKE_EGRESS_ALLOW');
    this.callSeconds = settings.integer('YUNKE_CALL_SECONDS', { fallback: 20, least: 1, most: 120 });
    this.endedDays = settings.integer('YUNKE_ENDED_DAYS', { fallback: 400, least: 31, most: 3_650 });
  }
}
