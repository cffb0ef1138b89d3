import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { importPKCS8, SignJWT } from 'jose';

import { AUDIENCE, ISSUER, type Role } from './auth.js';

/** What one machine's installation makes for itself at its first start; there are no default secrets. */
export type Credentials = {
  readonly secret: string;
  readonly tokenKey: string;
  readonly tokenPrivateKey: string;
  readonly writeKey: string;
  readonly browserWriteKey: string;
  readonly apiToken: string;
};

const YEAR_SECONDS = 365 * 24 * 3_600;

/** The credentials in `<data>/credentials` (0600), made when there are none. */
export async function ownCredentials(data: string): Promise<{ credentials: Credentials; file: string; fresh: boolean }> {
  const file = join(data, 'credentials');
  if (existsSync(file)) return { credentials: JSON.parse(readFileSync(file, 'utf8')) as Credentials, file, fresh: false };
  mkdirSync(data, { recursive: true, mode: 0o700 });
  const credentials = await makeCredentials();
  writeFileSync(file, `${JSON.stringify(credentials, null, 2)}\n`, { mode: 0o600, flag: 'wx' });
  return { credentials, file, fresh: true };
}

export async function makeCredentials(): Promise<Credentials> {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const tokenPrivateKey = privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;
  return {
    secret: randomBytes(32).toString('base64url'),
    tokenKey: (publicKey.export({ format: 'jwk' }) as { x: string }).x,
    tokenPrivateKey,
    writeKey: `yk_${randomBytes(24).toString('base64url')}`,
    browserWriteKey: `yb_${randomBytes(24).toString('base64url')}`,
    apiToken: await signToken(tokenPrivateKey, 'owner', 'operator', YEAR_SECONDS),
  };
}

/** The first write keys as `YUNKE_BOOTSTRAP_KEYS` takes them: of a shop's server and of its pages. */
export const bootstrapKeys = ({ writeKey, browserWriteKey }: Credentials): string => `shop:server:${writeKey},web:browser:${browserWriteKey}`;

/** An API token: an EdDSA JWT for `seconds` seconds. */
export async function signToken(privateKeyPem: string, subject: string, role: Role, seconds: number): Promise<string> {
  const now = Math.floor(Date.now() / 1_000);
  return new SignJWT({ role }).setProtectedHeader({ alg: 'EdDSA' }).setSubject(subject).setIssuer(ISSUER).setAudience(AUDIENCE)
    .setIssuedAt(now).setExpirationTime(now + seconds).sign(await importPKCS8(privateKeyPem, 'EdDSA'));
}
