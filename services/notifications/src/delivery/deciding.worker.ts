import { Counter } from 'prom-client';

import { lockSubjects, say } from '@yunke/events';
import type { Millis } from '@yunke/kernel';
import type { Tx } from '@yunke/postgres';
import { arm } from '@yunke/timers';

import { contactId, type ContactPoint } from '../contact/contact.js';
import * as contacts from '../contact/contact.store.js';
import { decide, type Candidate, type Decision } from '../intent/arbiter.js';
import { afterDecision, isOver, outcomeOf, type Intent } from '../intent/intent.js';
import { lockReady, saveMany, sentTo } from '../intent/intent.store.js';
import { longestWindow, type Policy } from '../intent/policy.js';
import { policyInForce } from '../intent/policy.store.js';
import type { NotificationsConfig } from '../notifications.config.js';
import { emailOf, languageOf, type Person } from '../person/person.js';
import * as people from '../person/person.store.js';
import { isZone } from '../person/quiet-hours.js';
import type { Channel } from '../rule/rule.js';
import { LANGUAGES } from '../template/template.js';
import { newestVersions } from '../template/template.store.js';
import type { Endpoint } from '../webhook/endpoint.js';
import * as endpoints from '../webhook/endpoint.store.js';

const ended = new Counter({ name: 'yunke_messages_total', help: 'Messages that ended, by class, channel and outcome.', labelNames: ['class', 'channel', 'outcome'] });

/** A call is taken over when it is not finished after twice the time that a call may take. */
export const leaseSeconds = ({ callSeconds }: NotificationsConfig): number => 2 * callSeconds;

/** What the arbiter needs beside the intents, locked: nobody's caps, consents or addresses change before we commit. */
type Surroundings = {
  readonly people: ReadonlyMap<string, Person>; readonly contacts: ReadonlyMap<string, ContactPoint>; readonly endpoints: ReadonlyMap<string, Endpoint>;
  readonly templates: ReadonlyMap<string, number>; readonly sent: Map<string, Millis[]>; readonly policy: Policy;
};

/**
 * Asks the arbiter about the most urgent messages of a channel and writes down what it says. Returns how many it was asked about, and those
 * whose provider must be called now, after the commit: from then on they count as calls, whatever becomes of this process.
 */
export async function decideReady(tx: Tx, channel: Channel, limit: number, config: NotificationsConfig): Promise<{ readonly count: number; readonly calls: Intent[] }> {
  const ready = await lockReady(tx, channel, limit);
  if (ready.length === 0) return { count: 0, calls: [] };
  const belongings = await lockSubjects(tx, ready.flatMap(({ subject }) => subject ?? []));
  const intents = ready.map((intent) => (intent.subject === undefined ? intent : { ...intent, profileId: belongings.get(intent.subject)!.profileId ?? undefined }));
  const now = await tx.now();
  const around = await surroundingsOf(tx, intents, config, now);
  const decided = intents.map((intent) => decideOne(intent, around, config, now));
  await saveMany(tx, decided, leaseSeconds(config));
  await arm(tx, 'intent', decided.filter(({ state }) => state === 'waiting').map(({ id, dueAt }) => ({ key: id, dueAt: dueAt! })));
  sayOutcomes(tx, decided);
  return { count: decided.length, calls: decided.filter(({ state }) => state === 'calling') };
}

/** Says how those of the intents ended that did, and counts them. */
export function sayOutcomes(tx: Tx, intents: readonly Intent[]): void {
  const over = intents.filter(isOver);
  tx.afterCommit(() => over.forEach((intent) => ended.inc({ class: intent.class, channel: intent.channel, outcome: intent.state })));
  say(tx, over.map((intent) => ({ ...outcomeOf(intent), cause: `intent:${intent.id}`, ...(intent.traceparent && { traceparent: intent.traceparent }) })));
}

async function surroundingsOf(tx: Tx, intents: readonly Intent[], { secret }: NotificationsConfig, now: Millis): Promise<Surroundings> {
  const known = await people.lockMany(tx, intents.flatMap(({ profileId }) => profileId ?? []));
  const addresses = intents.flatMap((intent) => addressOf(intent, known) ?? []);
  const points = await contacts.lockMany(tx, addresses.map((address) => ({ id: contactId(secret, address), address })));
  const policy = await policyInForce(tx);
  return {
    people: known, policy, contacts: new Map([...points.values()].map((point) => [point.address, point])),
    endpoints: await endpoints.findMany(tx, intents.flatMap(({ channel, target }) => (channel === 'webhook' && target !== undefined ? [target] : []))),
    templates: await newestVersions(tx, [...new Set(intents.flatMap(({ template }) => template ?? []))]),
    sent: await sentTo(tx, [...points.keys()], now - longestWindow(policy)),
  };
}

/**
 * Staff have their own address; whoever a message is about, the one of their profile. A mail that may have been taken goes again only to
 * where it went: at another address it would be a second one, and no server could know it by its Message-ID.
 */
function addressOf({ channel, target, profileId, wasUnclear, address }: Intent, known: ReadonlyMap<string, Person>): string | undefined {
  if (channel === 'email' && wasUnclear && address !== null) return address;
  if (channel === 'email' && target !== undefined) return target.toLowerCase();
  return profileId === undefined ? undefined : emailOf(known.get(profileId)?.fields ?? {});
}

function decideOne(before: Intent, around: Surroundings, config: NotificationsConfig, now: Millis): Intent {
  const { channel, class: of, target, template, profileId, subject } = before;
  const person = profileId === undefined ? undefined : around.people.get(profileId)?.fields;
  const address = addressOf(before, around.people);
  const contact = address === undefined ? undefined : around.contacts.get(address);
  const zone = person?.timezone !== undefined && isZone(person.timezone) ? person.timezone : config.timezone;
  const sent = contact === undefined ? [] : around.sent.get(contact.id)!;
  const candidate: Candidate = {
    class: of, channel, wantedAt: before.wantedAt, expiresAt: before.expiresAt, person, isAboutSomebody: (subject ?? profileId) !== undefined && !(channel === 'email' && target !== undefined), zone, sent,
    contact: contact && { suppressed: contact.suppressedWhy ?? undefined, unsubscribed: contact.unsubscribedAt !== null },
    endpoint: channel === 'webhook' ? (around.endpoints.get(target ?? '')?.closedWhy === null ? 'open' : 'closed') : undefined,
  };
  const version = template === undefined ? null : (around.templates.get(template) ?? null);
  const decision: Decision = channel === 'email' && version === null ? { kind: 'drop', why: 'template.missing', seen: {} } : decide(candidate, around.policy, now);
  if (decision.kind === 'send' && of === 'marketing' && channel === 'email') sent.push(now);
  const intent = { ...before, contactId: contact?.id ?? null, address: channel === 'email' ? (address ?? null) : null, language: languageOf(person?.language, LANGUAGES, config.language), templateVersion: version };
  return afterDecision(intent, decision, now);
}
