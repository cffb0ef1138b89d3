import { Problem, compareText, type Fault, type Millis } from '@yunke/kernel';

import { parseIdentifier, parseSubject, type Identifier } from '../resolve/identifier.js';

export const KINDS = ['link', 'cannot-link', 'revoke', 'lift'] as const;
export type Kind = (typeof KINDS)[number];

/** What a person decides, as asked for. A pair has no direction. */
export type Asked = { readonly kind: Kind; readonly a?: string; readonly b?: string; readonly subject?: string; readonly type?: string; readonly value?: string; readonly reason: string };

/** What is decided: about both subjects of a pair, one subject and what it carries, or what anybody carries. */
export type Matter = { readonly kind: Kind; readonly subjects: readonly string[]; readonly identifier?: Identifier };

/** A decision as it is kept. A withdrawn one counts no more. */
export type Decision = Matter & {
  readonly id: string; readonly reason: string; readonly actor: string; readonly decidedAt: Millis;
  readonly withdrawnAt?: Millis; readonly withdrawnBy?: string;
};

const NEEDED: Record<Kind, readonly ('a' | 'b' | 'subject' | 'type' | 'value')[]> = { link: ['a', 'b'], 'cannot-link': ['a', 'b'], revoke: ['subject', 'type', 'value'], lift: ['type', 'value'] };

/**
 * What a request is about; subjects need not have been seen yet.
 * @throws decision.incomplete, decision.same_subject, subject.malformed, identifier.refused, identifier.source_missing
 */
export function matterOf(asked: Asked): Matter {
  const missing = NEEDED[asked.kind].filter((field) => asked[field] === undefined).map((field): Fault => ({ pointer: `/${field}`, code: 'missing', message: `A ${asked.kind} needs it.` }));
  if (missing.length > 0) throw new Problem('invalid', 'decision.incomplete', 'The decision does not say what it is about.', { errors: missing });
  const subjects = (asked.kind === 'revoke' ? [asked.subject!] : asked.kind === 'lift' ? [] : [asked.a!, asked.b!]).sort(compareText);
  for (const subject of subjects) parseSubject(subject);
  if (subjects.length === 2 && subjects[0] === subjects[1]) throw new Problem('invalid', 'decision.same_subject', 'A pair is two subjects.');
  return asked.kind === 'revoke' || asked.kind === 'lift' ? { kind: asked.kind, subjects, identifier: parseIdentifier({ type: asked.type!, value: asked.value! }) } : { kind: asked.kind, subjects };
}
