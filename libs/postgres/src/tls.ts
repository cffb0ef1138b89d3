/** How a connection is encrypted, as `node:tls` takes it; false: it is not. */
export type DatabaseTls = false | { readonly ca?: string; readonly rejectUnauthorized: boolean; readonly checkServerIdentity?: () => undefined };

/**
 * What the `sslmode` of a database URL asks for, by libpq's words (PostgreSQL manual, 34.19): `disable`, `require` (encrypted, the
 * server is not checked), `verify-ca`, `verify-full`. Without one: `verify-full` when there is a CA, else unencrypted. `allow` and
 * `prefer` may fall back to plain text without a word and are refused.
 * @param ca what the server's certificate is checked against, PEM; absent: the public authorities that Node knows
 * @throws Error for any other mode, and for one that leaves the CA unused
 */
export function tlsOf(url: string, ca?: string): DatabaseTls {
  const mode = new URL(url).searchParams.get('sslmode') ?? (ca ? 'verify-full' : 'disable');
  if (ca && !mode.startsWith('verify-')) throw new Error(`sslmode=${mode} would leave the CA unused; take verify-full or verify-ca`);
  switch (mode) {
    case 'disable': return false;
    case 'require': return { rejectUnauthorized: false };
    case 'verify-ca': return { ...(ca && { ca }), rejectUnauthorized: true, checkServerIdentity: () => undefined };
    case 'verify-full': return { ...(ca && { ca }), rejectUnauthorized: true };
    default: throw new Error('sslmode must be disable, require, verify-ca or verify-full');
  }
}
