import { Logger } from '@nestjs/common';

import type { Db } from '@yunke/postgres';
import { Settings } from '@yunke/service';

import { EmailProvider } from './email/email.worker.js';
import { Mailbox } from './email/mailbox.worker.js';
import { NotificationsConfig } from './notifications.config.js';

const mailServer = { YUNKE_SECRET: 'a secret', YUNKE_SMTP_URL: 'smtps://shop:secret@mail.example.com' };

function read(environment: Record<string, string>): { config: NotificationsConfig; faults: readonly string[] } {
  const settings = new Settings(environment);
  return { config: new NotificationsConfig(settings), faults: settings.faults };
}

/** What is warned of at the start. */
async function warningsAtStart(environment: Record<string, string>): Promise<string[]> {
  const warnings: string[] = [];
  Logger.overrideLogger({ log: () => undefined, error: () => undefined, warn: (message: string) => void warnings.push(message) });
  const { config } = read(environment);
  const email = new EmailProvider(config, new Mailbox({} as Db, config));
  try {
    await email.onApplicationBootstrap();
  } finally {
    await email.onApplicationShutdown();
    Logger.overrideLogger(false);
  }
  return warnings;
}

describe('the settings of notifications', () => {
  it('need the address of this installation once mail leaves it, as a way out of marketing on loopback is none', () => {
    expect(read(mailServer).faults).toEqual([expect.stringContaining('YUNKE_PUBLIC_URL')]);
    expect(read({ ...mailServer, YUNKE_PUBLIC_URL: 'https://yunke.example.com/' })).toMatchObject({ faults: [], config: { publicUrl: 'https://yunke.example.com' } });
    expect(read({ YUNKE_SECRET: 'a secret' })).toMatchObject({ faults: [], config: { publicUrl: 'http://127.0.0.1:8080' } });
  });

  it('warn once where staff would hear of no stock alert', async () => {
    const complete = { ...mailServer, YUNKE_PUBLIC_URL: 'https://yunke.example.com' };

    expect(await warningsAtStart(complete)).toEqual([expect.stringContaining('YUNKE_STAFF_EMAILS')]);
    expect(await warningsAtStart({ ...complete, YUNKE_STAFF_EMAILS: 'ops@example.com' })).toEqual([]);
  });
});
