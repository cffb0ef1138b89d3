import { personalFields, type GoldenValue } from '@yunke/contracts';
import { iso } from '@yunke/kernel';

import type { Golden } from './golden.js';
import { showAll, type Profile } from './profile.js';

/** A profile as people read it. `showsAs`: the id it shows now, whatever id it was asked for by. */
export type ProfileView = {
  readonly profileId: string; readonly showsAs: string; readonly version: number; readonly decision: number; readonly subjects: readonly string[];
  readonly firstSeenAt?: string; readonly golden: readonly GoldenValue[]; readonly stale: boolean;
};

/** Whether the reader may see who somebody is. */
export type Sight = 'full' | 'masked';

export function viewOf({ profileId, version, decision, subjects, firstSeenAt, stale }: Profile, golden: readonly Golden[], sight: Sight): ProfileView {
  const values = showAll(golden).map((one) => ({ ...one, value: maskField(one.field, one.value, sight) }));
  return { profileId, showsAs: profileId, version, decision, subjects, ...(firstSeenAt !== null && { firstSeenAt: iso(firstSeenAt) }), golden: values, stale };
}

const PERSONAL = new Set(personalFields('CustomerObserved'));

/** A golden value: the contract says which fields are personal. */
export const maskField = (field: string, value: string, sight: Sight): string => (sight === 'full' || !PERSONAL.has(field) ? value : mask(value));

/** An identifier's value. All of them can tell who somebody is. */
export const maskValue = (value: string, sight: Sight): string => (sight === 'full' ? value : mask(value));

/** Enough to recognise what one knows, too little to write to: `a***@example.com`, `+86138****8000`, `张***`. */
export function mask(value: string): string {
  const [, name, domain] = /^(.).*(@[^@]+)$/su.exec(value) ?? [];
  if (name && domain) return `${name}***${domain}`;
  if (/^\+?\d{7,}$/.test(value)) return `${value.slice(0, -8)}****${value.slice(-4)}`;
  return `${[...value][0] ?? ''}***`;
}
