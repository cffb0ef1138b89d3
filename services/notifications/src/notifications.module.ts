import { Module } from '@nestjs/common';

import { SubjectProfiles1700000000004 } from '@yunke/events';
import type { Service } from '@yunke/service';

import { Dispatcher } from './delivery/dispatcher.worker.js';
import { Providers } from './delivery/providers.worker.js';
import { EmailProvider } from './email/email.worker.js';
import { MailboxController } from './email/mailbox.controller.js';
import { Mailbox } from './email/mailbox.worker.js';
import { IntentController } from './intent/intent.controller.js';
import { IntentHandlers } from './intent/intent.handlers.js';
import { Notifications1700000001301 } from './migrations/0001-notifications.js';
import { NotificationsConfig } from './notifications.config.js';
import { PersonHandlers } from './person/person.handlers.js';
import { Shipped } from './template/shipped.worker.js';
import { WebhookProvider } from './webhook/webhook.worker.js';

@Module({
  controllers: [PersonHandlers, IntentHandlers, IntentController, MailboxController],
  providers: [Shipped, Mailbox, EmailProvider, WebhookProvider, Providers, Dispatcher],
})
class NotificationsModule {}

export const notifications: Service = {
  name: 'notifications', module: NotificationsModule, config: NotificationsConfig, routes: ['/api/notifications', '/notifications'],
  migrations: [SubjectProfiles1700000000004, Notifications1700000001301],
};
