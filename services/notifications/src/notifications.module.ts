import { Module } from '@nestjs/common';

import { SubjectProfiles1700000000004 } from '@yunke/events';
import { Db } from '@yunke/postgres';
import { Sweeper, type Service } from '@yunke/service';

import { ContactController } from './contact/contact.controller.js';
import { UnsubscribeController } from './contact/unsubscribe.controller.js';
import { Dispatcher } from './delivery/dispatcher.worker.js';
import { Providers } from './delivery/providers.worker.js';
import { measureUnsent } from './delivery/unsent.store.js';
import { EmailProvider } from './email/email.worker.js';
import { MailboxController } from './email/mailbox.controller.js';
import { forgetOld } from './email/mailbox.store.js';
import { Mailbox } from './email/mailbox.worker.js';
import { IntentController } from './intent/intent.controller.js';
import { IntentHandlers } from './intent/intent.handlers.js';
import { forgetEnded } from './intent/intent.store.js';
import { PolicyController } from './intent/policy.controller.js';
import { Notifications1700000001301 } from './migrations/0001-notifications.js';
import { Ended1700000001302 } from './migrations/0002-ended.js';
import { Retried1700000001303 } from './migrations/0003-retried.js';
import { NotificationsConfig } from './notifications.config.js';
import { PersonHandlers } from './person/person.handlers.js';
import { RuleController } from './rule/rule.controller.js';
import { Shipped } from './template/shipped.worker.js';
import { TemplateController } from './template/template.controller.js';
import { EndpointController } from './webhook/endpoint.controller.js';
import { WebhookProvider } from './webhook/webhook.worker.js';

/**
 * Nothing needs a message that ended 31 days ago or more: caps look back 30 days, and a fact of which a rule could still make a message is
 * younger than 30 days. What people said about their addresses stays for good.
 */
const sweeper = { provide: Sweeper, inject: [Db, NotificationsConfig], useFactory: (db: Db, { endedDays }: NotificationsConfig) => new Sweeper(db, endedDays, [forgetEnded, forgetOld]) };

@Module({
  controllers: [PersonHandlers, IntentHandlers, IntentController, RuleController, TemplateController, PolicyController, ContactController, UnsubscribeController, EndpointController, MailboxController],
  providers: [Shipped, Mailbox, EmailProvider, WebhookProvider, Providers, Dispatcher, sweeper],
})
class NotificationsModule {}

export const notifications: Service = {
  name: 'notifications', module: NotificationsModule, config: NotificationsConfig, routes: ['/api/notifications', '/notifications'],
  measure: measureUnsent, migrations: [SubjectProfiles1700000000004, Notifications1700000001301, Ended1700000001302, Retried1700000001303],
};
