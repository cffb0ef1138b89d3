import { Problem } from '@yunke/kernel';

export type Identifier = { type: string; value: string };

/** What an identifier of one type may do. */
export type IdentifierRule = {
  /** Lower is stronger. */
  priority: number;
  /** `source`: equal values of two sources are two identifiers. */
  scope: 'global' | 'source';
  /** How many account subjects may ever carry one value; with one more it is generic and links nothing. */
  accountLimit: number;
  /** A person has only one value of it; for a type of source scope, one per source. */
  single: boolean;
  /** A device is held by many hands: it brings a visitor to an account, but never two accounts together. */
  weak: boolean;
};

const DEFAULT: IdentifierRule = { priority: 80, scope: 'source', accountLimit: 5, single: false, weak: false };
const HARDWARE: IdentifierRule = { priority: 90, scope: 'global', accountLimit: 3, single: false, weak: true };

/** The order of trust: own user id, unionid / omid, phone, ouid in its shop, e-mail, (appid, openid), a source's own, device. */
const RULES = new Map<string, IdentifierRule>([
  ['account', { ...DEFAULT, priority: 10, single: true }],
  ['unionid', { ...DEFAULT, priority: 20, scope: 'global', accountLimit: 20, single: true }],
  ['omid', { ...DEFAULT, priority: 25, scope: 'global', accountLimit: 20, single: true }],
  ['phone', { ...DEFAULT, priority: 30, scope: 'global' }],
  ['ouid', { ...DEFAULT, priority: 40, single: true }],
  ['email', { ...DEFAULT, priority: 50, scope: 'global' }],
  ['wechat-openid', { ...DEFAULT, priority: 60, scope: 'global' }],
  ['idfa', HARDWARE],
  ['idfv', HARDWARE],
  ['gaid', HARDWARE],
  ['device', { ...HARDWARE, priority: 92, scope: 'source' }],
  ['anonymous', { ...HARDWARE, priority: 95, scope: 'source' }],
]);

/** The rule of a type; the default rule for `external:<name>` and for what we do not know. */
export const ruleOf = (type: string): IdentifierRule => RULES.get(type) ?? DEFAULT;

/** One text for one identifier. A type holds no line break, and a subject's source no space, so no two of them are equal. */
export const identifierKey = ({ type, value }: Identifier): string => `${type}\n${value}`;

/** What only one value may fill in one person: the type, and its source where that is its scope. Nothing for types of many values. */
export function slotOf({ type, value }: Identifier): string | undefined {
  const { single, scope } = ruleOf(type);
  if (!single) return undefined;
  return scope === 'source' ? `${type}\n${value.slice(0, value.indexOf(':'))}` : type;
}

export type SubjectKind = 'account' | 'anonymous' | 'order-contact';
export type Subject = { source: string; kind: SubjectKind; id: string };

/** The parts of `<source>:<kind>:<id>`; an id may contain colons. @throws subject.malformed */
export function parseSubject(subject: string): Subject {
  const [, source, kind, id] = /^([^:\s]+):(account|anonymous|order-contact):(.+)$/s.exec(subject) ?? [];
  if (!source || !kind || !id || /\p{Cc}/u.test(id))
    throw new Problem('invalid', 'subject.malformed', 'A subject is <source>:<kind>:<id>, of kind account, anonymous or order-contact.');
  return { source, kind: kind as SubjectKind, id };
}

/** @throws subject.malformed */
export const subjectKind = (subject: string): SubjectKind => parseSubject(subject).kind;

/** The key that a subject carries by being itself. An order's contact has none: its order number is nobody's name. @throws subject.malformed */
export function ownIdentifier(subject: string): Identifier | undefined {
  const { source, kind, id } = parseSubject(subject);
  return kind === 'order-contact' ? undefined : { type: kind, value: `${source}:${id}` };
}

export type RefusedValue =
  | 'unknown-type' | 'short-lived' | 'placeholder' | 'masked' | 'malformed' | 'too-long' | 'privacy-number' | 'shared-number';

type Cleaned = { value: string } | { refused: RefusedValue };

/** Bytes beyond which a value is a document, and no index holds it. */
const LONGEST = 500;
const WORDS = new Set(['null', 'undefined', 'none', 'nil', 'nan', 'anonymous', 'unknown', 'n/a', 'test', '-1']);

/** The identifier as evidence keeps it, or why it must never link. A source-scoped value is prefixed: `<source>:<value>`. */
export function normalise({ type, value }: Identifier, source: string): Identifier | { refused: RefusedValue } {
  // Taobao's OAID names a recipient of an order for one week, not a customer.
  if (type === 'oaid') return { refused: 'short-lived' };
  if (!RULES.has(type) && !/^external:[\w.-]{1,64}$/.test(type)) return { refused: 'unknown-type' };
  const text = value.trim();
  if (type === 'phone' && PLAIN_MOBILE.test(text)) return { type, value: `+86${text}` };
  if (Buffer.byteLength(text) > LONGEST) return { refused: 'too-long' };
  if (text.includes('\0')) return { refused: 'malformed' };
  if (isPlaceholder(text)) return { refused: 'placeholder' };
  if (isMasked(text)) return { refused: 'masked' };
  const cleaned = clean(type, text);
  if ('refused' in cleaned) return cleaned;
  return { type, value: ruleOf(type).scope === 'source' ? `${source}:${cleaned.value}` : cleaned.value };
}

/**
 * The identifier as evidence keeps it, from what a person typed; one of source scope is `<source>:<value>`.
 * @throws identifier.refused, identifier.source_missing
 */
export function parseIdentifier({ type, value }: Identifier): Identifier {
  const [, source = '', ownValue = value] = ruleOf(type).scope === 'source' ? /^([^:\s]+):(.*)$/s.exec(value) ?? [] : [];
  if (ruleOf(type).scope === 'source' && !source)
    throw new Problem('invalid', 'identifier.source_missing', 'Two sources may use the same value: write <source>:<value>.');
  const cleaned = normalise({ type, value: ownValue }, source);
  if ('refused' in cleaned) throw new Problem('invalid', 'identifier.refused', `Such a value never links: ${cleaned.refused}.`);
  return cleaned;
}

/** Half hidden, as in `138****8000` or `张＊＊`. */
export const isMasked = (text: string): boolean => /[*＊]/.test(text);

/** What most phones look like. */
const PLAIN_MOBILE = /^1[3-9]\d{9}$/;

/** Nothing, a word for nothing, zeroes (an advertising id that was switched off is a UUID of them), one digit over and over. */
export function isPlaceholder(text: string): boolean {
  const plain = text.normalize('NFKC').toLowerCase();
  return WORDS.has(plain) || /^[-_.\s0]*$/.test(plain) || /^(\d)\1{3,}$/.test(plain.replace(/[-_.\s]/g, ''));
}

function clean(type: string, text: string): Cleaned {
  switch (type) {
    case 'phone': return cleanPhone(text.normalize('NFKC').replace(/\p{Pd}/gu, '-').replace(/[\s().·]/g, ''));
    case 'email': return cleanEmail(text.normalize('NFKC'));
    case 'wechat-openid': return cleanOpenid(text);
    case 'idfa': case 'idfv': case 'gaid': return { value: text.toLowerCase() };
    default: return { value: text };
  }
}

/** Lower case throughout: the local part may differ by case only on paper (RFC 5321 §2.4), and people type both. */
function cleanEmail(text: string): Cleaned {
  return /^[^\s@]+@[^\s@.]+(\.[^\s@.]+)+$/.test(text) ? { value: text.toLowerCase() } : { refused: 'malformed' };
}

/** `<appid>:<openid>`; an openid alone is unique only within its app. */
function cleanOpenid(text: string): Cleaned {
  const [, openid] = /^[^:\s]+:(\S+)$/.exec(text) ?? [];
  if (!openid) return { refused: 'malformed' };
  return isPlaceholder(openid) ? { refused: 'placeholder' } : { value: text };
}

const COUNTRY = '(?:\\+|00)?86|0';
const MOBILE_WITH_EXTENSION = new RegExp(`^(?:${COUNTRY})?-?1[3-9](?:-?\\d){9}-\\d{1,4}$`);
const MOBILE = new RegExp(`^(?:${COUNTRY})?(1[3-9]\\d{9})$`);

/**
 * `+<country><number>`; eleven digits of a Chinese mobile get +86, other national numbers stay as they are, since only a
 * country's numbering plan can tell more. The text has no spaces. The number before an extension is a pool shared by strangers.
 */
function cleanPhone(text: string): Cleaned {
  if (/(转|分机|ext|#|,)\d*$/i.test(text) || MOBILE_WITH_EXTENSION.test(text)) return { refused: 'privacy-number' };
  const digits = text.replaceAll('-', '').replace(/^00/, '+');
  if (!/^\+?\d+$/.test(digits)) return { refused: 'malformed' };
  const mobile = MOBILE.exec(digits)?.[1];
  if (mobile) return { value: `+86${mobile}` };
  const national = digits.replace(/^\+86/, '');
  if (isPlaceholder(national)) return { refused: 'placeholder' };
  if (isSwitchboard(national, digits)) return { refused: 'shared-number' };
  if (/^1\d{10,}$/.test(national) || !/^\+?\d{7,15}$/.test(digits)) return { refused: 'malformed' };
  return { value: digits };
}

/** 400, 800 and 95 numbers, and Chinese landlines: an office or a family answers. */
function isSwitchboard(national: string, digits: string): boolean {
  if (national.startsWith('+')) return false;
  const landline = digits.startsWith('+86') ? /^0?(10\d{8}|[2-9]\d{8,10})$/ : /^0\d{9,11}$/;
  return landline.test(national) || /^[48]00\d{7}$/.test(national) || /^9[56]\d{3,6}$/.test(national);
}
