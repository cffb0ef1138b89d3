import { createHmac, timingSafeEqual } from 'node:crypto';

import { opaqueId } from '@yunke/kernel';

/** Where somebody is reached: one address of one channel, whoever it belongs to. What is said about it outlives profiles. */
export type ContactPoint = {
  readonly id: string; readonly channel: 'email'; readonly address: string;
  readonly unsubscribedAt: string | null; readonly suppressedAt: string | null; readonly suppressedWhy: string | null;
};

export const contactId = (secret: string, address: string): string => opaqueId(secret, 'contact', `email\n${address}`);

/** What an unsubscribe link carries: the contact point, signed. It never expires: a message may be read after years. */
export const tokenOf = (secret: string, contact: string): string => `${contact}.${signature(secret, contact)}`;

/** The contact point that a link was made for; undefined when nobody here made it, to the letter: the whole token stands in pages. */
export function contactOfToken(secret: string, token: string): string | undefined {
  const contact = token.split('.', 1)[0]!;
  const [given, wanted] = [Buffer.from(token), Buffer.from(tokenOf(secret, contact))];
  return given.length === wanted.length && timingSafeEqual(given, wanted) ? contact : undefined;
}

const signature = (secret: string, contact: string): string => createHmac('sha256', secret).update(`unsubscribe\n${contact}`).digest('base64url');

export const CHANGES = ['unsubscribed', 'resubscribed', 'suppressed', 'released'] as const;
export type Change = (typeof CHANGES)[number];
