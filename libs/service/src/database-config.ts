import { tlsOf } from '@yunke/postgres';

import type { Settings } from './settings.js';

/** Where the services' databases are: each service owns one. */
export type DatabaseConfig = {
  /** The URL of a service's database, credentials included. */
  urlOf(service: string): string;
  /** PEM; what the servers' certificates are checked against. */
  readonly ca: string | undefined;
};

/**
 * Reads `YUNKE_DATABASE_URL` with `{service}` in the place of the database name (a process of one service may name its database
 * itself), `YUNKE_DATABASE_USER` and `_PASSWORD` where a secret holds them apart from the URL, and `YUNKE_DATABASE_CA`.
 * Absent: the embedded Postgres. What is wrong is remembered in `settings`.
 */
export function databaseConfig(settings: Settings, services: number): DatabaseConfig | undefined {
  const template = settings.optional('YUNKE_DATABASE_URL');
  const user = settings.optional('YUNKE_DATABASE_USER');
  const password = settings.optional('YUNKE_DATABASE_PASSWORD');
  const ca = settings.optional('YUNKE_DATABASE_CA');
  if (!template) {
    for (const [name, value] of Object.entries({ YUNKE_DATABASE_USER: user, YUNKE_DATABASE_PASSWORD: password, YUNKE_DATABASE_CA: ca })) {
      if (value) settings.fault(name, 'is of no use without YUNKE_DATABASE_URL');
    }
    return undefined;
  }
  if (services > 1 && !template.includes('{service}')) settings.fault('YUNKE_DATABASE_URL', 'must hold {service} in the place of the database name: every service owns one');
  const urlOf = (service: string): string => {
    const url = new URL(template.replace('{service}', service));
    if (user) url.username = encodeURIComponent(user);
    if (password) url.password = encodeURIComponent(password);
    return url.href;
  };
  try {
    tlsOf(urlOf('any'), ca);
  } catch (error) {
    // The words of `new URL` repeat the URL, and with it the password.
    settings.fault('YUNKE_DATABASE_URL', error instanceof TypeError ? 'must be an address, such as postgres://user:password@host:5432/yunke_{service}' : (error as Error).message);
  }
  return { urlOf, ca };
}
