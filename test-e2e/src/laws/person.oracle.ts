import type { CustomerObserved, Identifier, OrderObserved } from '@yunke/contracts';

import type { Person } from './expected.js';
import type { Observation } from './observations.js';

/** Design 4.1, for the types that the histories have: strongest first; how many accounts may carry one; one per person; held by many hands; one source's own. */
const RULES: Record<string, { readonly rank: number; readonly limit: number; readonly single?: true; readonly weak?: true; readonly own?: true }> = {
  account: { rank: 10, limit: 5, single: true, own: true }, unionid: { rank: 20, limit: 20, single: true }, phone: { rank: 30, limit: 5 }, email: { rank: 50, limit: 5 },
  'external:card': { rank: 80, limit: 5, own: true }, device: { rank: 92, limit: 3, weak: true, own: true }, anonymous: { rank: 95, limit: 3, weak: true, own: true },
};
const FIELDS = ['name', 'email', 'phone', 'country', 'city', 'marketingConsent'] as const;

type Body = Exclude<Observation, { type: 'ShipmentObserved' }>['body'];
type Edge = { readonly subject: string; readonly type: string; readonly value: string; verified: boolean; first: readonly [number, number, string] };
type Group = { readonly nodes: Set<string>; readonly slots: Set<string>; hasAccount: boolean };
type Word = { readonly value: string; readonly trust: number; readonly version: readonly [number, number, string]; readonly source: string };

const parts = (subject: string): { source: string; kind: string; id: string } => {
  const [source, kind, ...id] = subject.split(':') as [string, string, ...string[]];
  return { source, kind, id: id.join(':') };
};
const before = (a: readonly [number, number, string], b: readonly [number, number, string]): number => a[0] - b[0] || a[1] - b[1] || (a[2] < b[2] ? -1 : a[2] > b[2] ? 1 : 0);
const place = ({ subject, type, value }: Edge): string => [subject, type, value].join('\n');

/** Who is one person by all that was ever observed, under the oldest member's subject. */
export function people(observations: readonly Observation[]): Record<string, Person> {
  const bodies = observations.flatMap(({ type, body }) => (type === 'ShipmentObserved' || body.subject === '' ? [] : [body as Body]));
  const seen = new Map<string, Body[]>();
  for (const body of bodies) seen.set(body.subject, [...(seen.get(body.subject) ?? []), body]);
  const words = new Map([...seen].map(([subject, all]) => [subject, wordsOf(subject, observations.filter(({ body }) => all.includes(body as Body)))]));
  return Object.fromEntries(partition([...seen.keys()], edgesOf(bodies)).map((subjects) => {
    const accepted = (subject: string): number => Math.min(...seen.get(subject)!.map(({ acceptedAt }) => Date.parse(acceptedAt)));
    const [oldest] = [...subjects].sort((a, b) => accepted(a) - accepted(b) || (a < b ? -1 : 1));
    const firstSeenAt = subjects.flatMap((subject) => seen.get(subject)!.map(({ occurredAt }) => occurredAt)).sort()[0]!;
    return [oldest!, { subjects: [...subjects].sort(), firstSeenAt, golden: goldenOf(subjects.map((subject) => words.get(subject)!)) }];
  }));
}

/** Everything carried: once a subject and identifier, as first said, verified if it ever was. What everybody carries unites nobody. */
function edgesOf(bodies: readonly Body[]): Edge[] {
  const edges = new Map<string, Edge>();
  for (const body of bodies) {
    const contact = body as { email?: string; phone?: string };
    const all = [...body.identifiers, ...(contact.email ? [{ type: 'email', value: contact.email }] : []), ...(contact.phone ? [{ type: 'phone', value: contact.phone }] : [])];
    for (const said of all) {
      const value = plain(said, body.source);
      const { source, kind, id } = parts(body.subject);
      if (value === undefined || (said.type === kind && value === `${source}:${id}`)) continue;
      const edge: Edge = { subject: body.subject, type: said.type, value, verified: body.verified, first: [Date.parse(body.occurredAt), Date.parse(body.acceptedAt), body.messageId] };
      const known = edges.get(place(edge));
      if (!known) edges.set(place(edge), edge);
      else Object.assign(known, { verified: known.verified || edge.verified, first: before(edge.first, known.first) < 0 ? edge.first : known.first });
    }
  }
  return [...edges.values()].filter(({ type, value }) => [...edges.values()].filter((other) => other.type === type && other.value === value && parts(other.subject).kind === 'account').length <= RULES[type]!.limit);
}

/** One way of writing it; undefined for what must never link. */
function plain({ type, value }: Identifier, source: string): string | undefined {
  const text = value.trim();
  if (text.includes('*') || /^[0-]+$/.test(text)) return undefined;
  if (type === 'phone') return text.replaceAll(' ', '').replace(/^00/, '+');
  if (type === 'email') return text.toLowerCase();
  return RULES[type]!.own ? `${source}:${text}` : text;
}

/** Greedily, the most trusted evidence first; what would break a rule unites nothing. */
function partition(subjects: readonly string[], edges: readonly Edge[]): string[][] {
  const groups = new Map<string, Group>();
  const slots = (type: string, value: string): Set<string> => new Set(RULES[type]!.single ? [type + (RULES[type]!.own ? value.split(':')[0] : '')] : []);
  for (const subject of subjects) {
    const { source, kind, id } = parts(subject);
    const named = kind === 'order-contact' ? undefined : `${kind}\n${source}:${id}`;
    const group: Group = { nodes: new Set([subject, ...(named ? [named] : [])]), slots: named ? slots(kind, `${source}:${id}`) : new Set(), hasAccount: kind === 'account' };
    for (const node of group.nodes) groups.set(node, group);
  }
  for (const { type, value } of edges) if (!groups.has(`${type}\n${value}`)) groups.set(`${type}\n${value}`, { nodes: new Set([`${type}\n${value}`]), slots: slots(type, value), hasAccount: false });
  const strong = ({ verified, type }: Edge): boolean => verified && !RULES[type]!.weak;
  const sorted = [...edges].sort((a, b) => Number(strong(b)) - Number(strong(a)) || RULES[a.type]!.rank - RULES[b.type]!.rank || Number(b.verified) - Number(a.verified) || before(a.first, b.first) || (place(a) < place(b) ? -1 : 1));
  for (const edge of sorted) {
    const [left, right] = [groups.get(edge.subject)!, groups.get(`${edge.type}\n${edge.value}`)!];
    if (left === right || [...left.slots].some((slot) => right.slots.has(slot)) || (left.hasAccount && right.hasAccount && !strong(edge))) continue;
    const both: Group = { nodes: new Set([...left.nodes, ...right.nodes]), slots: new Set([...left.slots, ...right.slots]), hasAccount: left.hasAccount || right.hasAccount };
    for (const node of both.nodes) groups.set(node, both);
  }
  const isSubject = new Set(subjects);
  return [...new Set(groups.values())].map(({ nodes }) => [...nodes].filter((node) => isSubject.has(node))).filter(({ length }) => length > 0);
}

/** What one subject's sources said of each field; a guest's order tells its contact, as of the order's placing. */
function wordsOf(subject: string, observations: readonly Observation[]): Partial<Record<(typeof FIELDS)[number], Word>> {
  const { source, kind } = parts(subject);
  const words: Partial<Record<(typeof FIELDS)[number], Word>> = {};
  for (const { type, body } of observations) {
    const isContact = type === 'OrderObserved' && kind === 'order-contact';
    if (type !== 'CustomerObserved' && !isContact) continue;
    const at = (isContact && (body as OrderObserved).placedAt) || body.occurredAt;
    for (const field of FIELDS) {
      const value = String((body as CustomerObserved)[field] ?? '').trim();
      const step = value.includes('*') ? 0 : body.verified || (field === 'marketingConsent' && value === 'false') ? 200 : 100;
      const word: Word = { value, source, trust: step + (kind === 'account' ? 50 : 25), version: [Date.parse(at), Date.parse(body.acceptedAt), body.messageId] };
      if (value) words[field] = better([word, ...(words[field] ? [words[field]] : [])]);
    }
  }
  return words;
}

const better = (words: readonly Word[]): Word => [...words].sort((a, b) => b.trust - a.trust || before(b.version, a.version) || (a.source > b.source ? -1 : a.source < b.source ? 1 : a.value > b.value ? -1 : 1))[0]!;

/** Per field the most trusted, then the most recent; whoever refuses consent refuses for the person. */
function goldenOf(members: readonly Partial<Record<string, Word>>[]): Person['golden'] {
  return Object.fromEntries(FIELDS.flatMap((field) => {
    const told = members.flatMap((member) => member[field] ?? []);
    const refusals = field === 'marketingConsent' ? told.filter(({ value }) => value === 'false') : [];
    if (told.length === 0) return [];
    const { value, source, version: [at] } = better(refusals.length > 0 ? refusals : told);
    return [[field, [value, source, new Date(at).toISOString()] as const]];
  }));
}
