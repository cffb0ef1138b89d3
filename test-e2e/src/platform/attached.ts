import { readFileSync, writeFileSync } from 'node:fs';

import type { Credentials } from '@yunke/service';

import type { Platform, PlatformProcess, ServiceName } from './platform.js';

/** Where a running platform can be reached, service by service, and with what. */
export type Attachment = { readonly credentials: Credentials; readonly urls: Readonly<Record<ServiceName, string>>; readonly databaseUrl: string; readonly hooks: Platform['hooks'] };

export const writeAttachment = (file: string, attachment: Attachment): void => writeFileSync(file, JSON.stringify(attachment), { mode: 0o600 });

/** A platform that somebody else started and stops. @throws Error for what only its owner can do */
export function attachedPlatform(file: string): Platform {
  const { credentials, urls, databaseUrl, hooks } = JSON.parse(readFileSync(file, 'utf8')) as Attachment;
  const refused = (): never => { throw new Error('Only who started this platform can do that.'); };
  const processes = Object.entries(urls).map(([name, url]): PlatformProcess => ({ name, url, logFile: '', child: undefined as never, start: async () => refused(), kill: async () => refused() }));
  return {
    credentials, processes, directory: '', hooks,
    process: (service) => processes.find(({ name }) => name === service)!,
    databaseUrl: (name) => databaseUrl.replace('{service}', name),
    add: async () => refused(), advance: refused, stop: async () => undefined,
  };
}
