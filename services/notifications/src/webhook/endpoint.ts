import { createHmac } from 'node:crypto';

import { HOUR, type Millis } from '@yunke/kernel';

/** Who takes facts by webhook. `facts`: which; none means all that rules send. */
export type Endpoint = { readonly id: string; readonly url: string; readonly facts: readonly string[]; readonly generation: number; readonly previousUntil: Millis | null; readonly closedWhy: string | null };

/** How long the secret before a rotation still signs, so that a receiver can change over. */
export const OVERLAP: Millis = 24 * HOUR;

/** An endpoint's secret, as Standard Webhooks writes it: 32 bytes that follow from the installation's secret, so that none is stored. */
export const secretOf = (installation: string, { id, generation }: { readonly id: string; readonly generation: number }): string =>
  `whsec_${createHmac('sha256', installation).update(`webhook\n${id}\n${generation}`).digest('base64')}`;

/** The secrets that sign now, the newest first. */
export function secretsOf(installation: string, endpoint: Endpoint, now: Millis): string[] {
  const { id, generation, previousUntil } = endpoint;
  return [generation, ...(previousUntil !== null && now < previousUntil ? [generation - 1] : [])].map((one) => secretOf(installation, { id, generation: one }));
}

/** The headers of Standard Webhooks 1.0 for a body: the id is the same for every repetition, the time is not. */
export function signedHeaders(secrets: readonly string[], id: string, at: Millis, body: string): Record<string, string> {
  const timestamp = String(Math.floor(at / 1_000));
  const signatures = secrets.map((secret) => `v1,${createHmac('sha256', Buffer.from(secret.slice('whsec_'.length), 'base64')).update(`${id}.${timestamp}.${body}`).digest('base64')}`);
  return { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': signatures.join(' ') };
}
