import { Problem, millis, uuidv5, type Fault, type Millis } from '@yunke/kernel';

import { conditionOf, holds, type Condition } from './condition.js';
import { FACTS, fieldsOf } from './fields.js';

export const CHANNELS = ['email', 'webhook'] as const;
export const CLASSES = ['transactional', 'marketing', 'staff'] as const;
export const AUDIENCES = ['customer', 'staff', 'endpoints'] as const;

export type Channel = (typeof CHANNELS)[number];
export type MessageClass = (typeof CLASSES)[number];

/**
 * What a fact leads to. `audience`: the customer it is about, the staff of the installation, or every webhook endpoint that takes
 * such facts. Among messages that wait, a larger priority goes first.
 */
export type Rule = {
  readonly id: string; readonly version: number; readonly fact: string; readonly condition?: Condition;
  readonly channel: Channel; readonly audience: (typeof AUDIENCES)[number]; readonly class: MessageClass;
  /** The template's name; webhooks carry the fact itself and have none. */
  readonly template?: string;
  readonly expiresAfterMinutes: number; readonly priority: number; readonly active: boolean;
};

/** A fact as it was heard, with what messages need of it. */
export type HeardFact = { readonly id: string; readonly type: string; readonly body: { readonly effectiveAt: string; readonly reason: string } & Record<string, unknown>; readonly traceparent?: string | undefined };

/** That a message about a fact is wanted. Whether it is sent, the arbiter says. */
export type Wish = {
  readonly id: string; readonly fact: string; readonly factId: string; readonly body: object; readonly reason: 'event' | 'time'; readonly effectiveAt: Millis;
  readonly rule: string; readonly ruleVersion: number; readonly class: MessageClass; readonly channel: Channel; readonly template: string | undefined; readonly priority: number;
  /** Whom it is about: a subject that belongs to a profile now or later, or a profile. */
  readonly subject: string | undefined; readonly profileId: string | undefined;
  /** A staff address or an endpoint; undefined: the person it is about. */
  readonly target: string | undefined;
  readonly expiresAt: Millis; readonly traceparent: string | undefined;
};

/** Who can be reached beside customers. */
export type Reachable = { readonly staff: readonly string[]; readonly endpoints: readonly { readonly id: string; readonly facts: readonly string[] }[] };

const MINUTE = 60_000;

/**
 * The messages that a fact leads to at an instant, one a rule and receiver, each with an id that follows from both. A fact that is
 * no news (`history`, `late`, `identity`, `rule`), or older than the rule's expiry, leads to none.
 */
export function wishesOf(fact: HeardFact, rules: readonly Rule[], reachable: Reachable, now: Millis): Wish[] {
  const { id, type, body, traceparent } = fact;
  const { reason } = body;
  if (reason !== 'event' && reason !== 'time') return [];
  const effectiveAt = millis(body.effectiveAt);
  const subject = (body['order'] as { subject?: string } | undefined)?.subject || undefined;
  const profileId = body['profileId'] as string | undefined;
  return rules.filter((rule) => rule.active && rule.fact === type && holds(rule.condition, body)).flatMap((rule) => {
    const expiresAt = effectiveAt + rule.expiresAfterMinutes * MINUTE;
    if (expiresAt <= now) return [];
    return receivers(rule, type, reachable, subject ?? profileId).map((target): Wish => ({
      id: uuidv5(`intent|${id}|${rule.id}|${target ?? ''}`), fact: type, factId: id, body, reason, effectiveAt, rule: rule.id, ruleVersion: rule.version, class: rule.class, channel: rule.channel,
      template: rule.template, priority: rule.priority, subject, profileId, target, expiresAt, traceparent,
    }));
  });
}

/** To whom; undefined stands for the customer. An order that names nobody has none. */
function receivers({ audience }: Rule, type: string, { staff, endpoints }: Reachable, customer: string | undefined): (string | undefined)[] {
  switch (audience) {
    case 'customer': return customer === undefined ? [] : [undefined];
    case 'staff': return [...staff];
    case 'endpoints': return endpoints.filter(({ facts }) => facts.length === 0 || facts.includes(type)).map(({ id }) => id);
  }
}

/** A rule that somebody wrote, checked by itself: whether its template exists is for who saves it. @throws rule.invalid, condition.invalid */
export function checkedRule(rule: Omit<Rule, 'version' | 'condition'> & { readonly condition?: unknown }): Omit<Rule, 'version'> {
  const faults: Fault[] = [];
  const fail = (field: string, code: string, message: string): void => void faults.push({ pointer: `/${field}`, code, message });
  const fields = fieldsOf(rule.fact);
  if (!FACTS.includes(rule.fact)) fail('fact', 'fact_unknown', 'No message follows from such a fact.');
  if ((rule.channel === 'webhook') !== (rule.audience === 'endpoints')) fail('audience', 'audience_mismatch', 'Webhooks go to endpoints, e-mail to the customer or to staff.');
  if ((rule.class === 'staff') !== (rule.audience === 'staff')) fail('class', 'class_mismatch', 'Messages to staff, and no others, are of the class staff.');
  if ((rule.channel === 'email') !== (rule.template !== undefined)) fail('template', 'template_mismatch', 'E-mail needs a template; a webhook carries the fact itself.');
  if (rule.audience === 'customer' && !fields.has('profileId') && !fields.has('order.subject')) fail('audience', 'fact_names_nobody', 'This fact is about no customer.');
  if (rule.class === 'marketing' && !fields.has('profileId') && !fields.has('order.subject')) fail('class', 'fact_names_nobody', 'This fact is about nobody who could consent.');
  if (faults.length > 0) throw new Problem('invalid', 'rule.invalid', 'The rule is not valid.', { errors: faults });
  const { condition, ...rest } = rule;
  return { ...rest, ...(condition !== undefined && condition !== null && { condition: conditionOf(condition, rule.fact) }) };
}
