import type { ProfileRecorded } from '@yunke/contracts';

/** The golden values that messages need, by field: `email`, `language`, `timezone`, `marketingConsent`, names. */
export type PersonFields = { readonly [field in (typeof FIELDS)[number]]?: string };

/** What is kept of a profile, by the largest version heard. */
export type Person = { readonly profileId: string; readonly version: number; readonly fields: PersonFields };

const FIELDS = ['name', 'firstName', 'lastName', 'email', 'language', 'timezone', 'marketingConsent'] as const;

export function personOf({ profileId, version, golden }: ProfileRecorded): Person {
  const known = new Set<string>(FIELDS);
  return { profileId, version: Number(version), fields: Object.fromEntries(golden.filter(({ field }) => known.has(field)).map(({ field, value }) => [field, value])) };
}

/** The address to write to; undefined when none is known that could be one (a masked one cannot). */
export function emailOf({ email }: PersonFields): string | undefined {
  const address = email?.trim().toLowerCase();
  return address !== undefined && address.length <= 254 && /^[^\s@<>"(),:;\\*]+@[^\s@<>"(),:;\\*]+$/.test(address) ? address : undefined;
}

export type Consent = 'given' | 'refused' | 'unknown';

/** What the person said about marketing, to whichever source. */
export function consentOf({ marketingConsent }: PersonFields): Consent {
  return marketingConsent === 'true' ? 'given' : marketingConsent === 'false' ? 'refused' : 'unknown';
}

/** The language to write in: the person's own, else one that shares its first part, else `fallback`. */
export function languageOf(wanted: string | undefined, offered: readonly string[], fallback: string): string {
  const [exact, part] = [normal(wanted), normal(wanted).split('-', 1)[0]];
  const found = offered.find((one) => normal(one) === exact) ?? offered.find((one) => normal(one).split('-', 1)[0] === part);
  return found ?? offered.find((one) => one === fallback) ?? offered[0] ?? fallback;
}

const normal = (tag = ''): string => tag.trim().toLowerCase().replaceAll('_', '-');

/** What to call somebody: the name, else its parts; Chinese names put the family first. */
export function nameOf({ name, firstName, lastName }: PersonFields, language: string): string {
  if (name) return name;
  return normal(language).startsWith('zh') ? `${lastName ?? ''}${firstName ?? ''}` : [firstName, lastName].filter(Boolean).join(' ');
}
