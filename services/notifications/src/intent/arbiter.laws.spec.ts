import fc from 'fast-check';

import { decide, PATIENCE } from './arbiter.js';
import { LOST, afterCall, type Result } from './attempt.js';
import { afterDecision, afterResult, isOver, type Intent } from './intent.js';
import { capFreeAt, type Policy } from './policy.js';

const HOUR = 3_600_000;
const START = Date.parse('2026-03-01T00:00:00Z');

/** What is true of an address from an instant on. */
type Said = { at: number; consent?: 'true' | 'false'; unsubscribed?: boolean; suppressed?: boolean; known?: boolean };
type Person = { zone: string; said: Said[] };
type Message = { person: number; class: 'transactional' | 'marketing'; channel: 'email' | 'webhook'; wantedAt: number; lives: number };
type Play = { people: Person[]; messages: Message[]; policy: Policy; results: Result[]; lags: number[] };

/** Everything that left, and how each message ended: what a provider and a reader of the outcomes would have seen. */
type Call = { at: number; message: Message; id: number; result: Result };
type Story = { calls: Call[]; endings: Map<number, Intent['state'][]>; intents: Intent[] };

const at = fc.integer({ min: 0, max: 7 * 24 * 60 }).map((minutes) => START + minutes * 60_000);
const said: fc.Arbitrary<Said> = fc.record({ at, consent: fc.constantFrom('true' as const, 'true' as const, 'false' as const), unsubscribed: fc.boolean(), suppressed: fc.boolean(), known: fc.boolean() }, { requiredKeys: ['at'] });
const people = fc.array(fc.record({ zone: fc.constantFrom('Asia/Shanghai', 'Europe/Berlin', 'America/New_York'), first: fc.constantFrom<Said>({ at: START, consent: 'true', known: true }, { at: START, consent: 'true', known: true }, { at: START, known: true }), said: fc.array(said, { maxLength: 3 }) }).map(({ zone, first, said: later }) => ({ zone, said: [first, ...later.sort((a, b) => a.at - b.at)] })), { minLength: 1, maxLength: 2 });
const messages = fc.array(fc.record({ person: fc.nat(), class: fc.constantFrom('transactional' as const, 'marketing' as const, 'marketing' as const), channel: fc.constantFrom('email' as const, 'email' as const, 'email' as const, 'webhook' as const), wantedAt: at, lives: fc.integer({ min: 1, max: 5 * 24 * 60 }).map((minutes) => minutes * 60_000) }), { minLength: 1, maxLength: 6 });
const policy: fc.Arbitrary<Policy> = fc.record({
  version: fc.constant(1), caps: fc.array(fc.record({ class: fc.constant('marketing' as const), most: fc.integer({ min: 0, max: 3 }), withinHours: fc.integer({ min: 1, max: 72 }) }), { maxLength: 2 }),
  quietHours: fc.constantFrom(null, { from: '21:00', to: '09:00' }, { from: '00:00', to: '06:30' }),
});
const accepted: Result = { kind: 'accepted', why: 'accepted' };
const results = fc.array(fc.constantFrom<Result>(accepted, accepted, accepted, { kind: 'refused', why: 'smtp.554' }, { kind: 'busy', why: 'smtp.451' }, { kind: 'unclear', why: 'smtp.broken' }, LOST), { maxLength: 12 });
const plays: fc.Arbitrary<Play> = fc.record({ people, messages, policy, results, lags: fc.array(fc.constantFrom(0, 0, 1_000, 600_000, 30 * HOUR), { maxLength: 5 }) });

const stateAt = ({ said: all }: Person, now: number): Said => Object.assign({}, ...all.filter((one) => one.at <= now)) as Said;

/** Plays it as the dispatcher does: whatever is due is decided in turn, called, and its result written; after an outage, too late. */
function tell({ people: everybody, messages: wanted, policy: rules, results: script, lags }: Play): Story {
  const calls: Call[] = [];
  const endings = new Map<number, Intent['state'][]>(wanted.map((_, id) => [id, []]));
  let intents = wanted.map((message) => ({ state: 'waiting', class: message.class, channel: message.channel, wantedAt: message.wantedAt, expiresAt: message.wantedAt + message.lives, dueAt: message.wantedAt, attempts: 0, wasUnclear: false }) as Intent);
  const next = (): number => Math.min(...intents.filter((one) => !isOver(one)).map(({ dueAt }) => dueAt!));
  for (let steps = 0, now = next(); next() < Infinity && steps < 500; steps += 1) {
    now = Math.max(now, next()) + (lags[steps] ?? 0);
    const id = intents.findIndex((one) => !isOver(one) && one.dueAt! <= now);
    intents = intents.map((one, index) => (index === id ? step(one, now, id) : one));
    if (isOver(intents[id]!)) endings.get(id)!.push(intents[id]!.state);
  }
  return { calls, endings, intents };

  function step(intent: Intent, now: number, id: number): Intent {
    const message = wanted[id]!;
    const number = message.person % everybody.length;
    const { consent, unsubscribed = false, suppressed = false, known = false } = stateAt(everybody[number]!, now);
    const sent = intents.flatMap((one, index) => (wanted[index]!.person % everybody.length === number && one.class === 'marketing' && one.channel === 'email' && ['calling', 'sent', 'unknown'].includes(one.state) && one.calledAt ? [one.calledAt] : []));
    const decision = decide({ class: message.class, channel: message.channel, wantedAt: intent.wantedAt, expiresAt: intent.expiresAt, person: { marketingConsent: consent }, isAboutSomebody: true,
      contact: known ? { suppressed: suppressed ? 'bounced' : undefined, unsubscribed } : undefined, endpoint: message.channel === 'webhook' ? 'open' : undefined, sent, zone: everybody[number]!.zone }, rules, now);
    const decided = afterDecision(intent, decision, now);
    if (decided.state !== 'calling') return decided;
    const result = script[calls.length % Math.max(1, script.length)] ?? accepted;
    calls.push({ at: now, message, id, result });
    return afterResult(decided, afterCall(decided, result, now, 0.5), result.kind === 'unclear', now);
  }
}

const mayHaveArrived = ({ result }: Call): boolean => result.kind === 'accepted' || result.kind === 'unclear';
const clocks = new Map(['Asia/Shanghai', 'Europe/Berlin', 'America/New_York'].map((zone) => [zone, new Intl.DateTimeFormat('sv-SE', { timeZone: zone, hour: '2-digit', minute: '2-digit' })]));

describe('the arbiter, over any history of people, messages and providers', () => {
  const law = (name: string, holds: (story: Story, play: Play) => void): void =>
    it(name, () => fc.assert(fc.property(plays, (play) => holds(tell(play), play)), { numRuns: 10_000 }), 120_000);

  law('ends every message exactly once', ({ endings, intents }) => {
    expect([...endings.values()].every((all) => all.length === 1)).toBe(true);
    expect(intents.every(({ why, endedAt }) => why && endedAt !== undefined)).toBe(true);
  });

  law('sends no marketing without consent, to nobody who unsubscribed, and nothing by mail to a suppressed address', ({ calls }, { people: everybody }) => {
    for (const { at: now, message } of calls) {
      const { consent, unsubscribed = false, suppressed = false, known = false } = stateAt(everybody[message.person % everybody.length]!, now);
      if (message.class === 'marketing') expect({ consent, unsubscribed: known && unsubscribed }).toEqual({ consent: 'true', unsubscribed: false });
      if (message.channel === 'email') expect({ known, suppressed }).toEqual({ known: true, suppressed: false });
    }
  });

  law('exceeds no cap, over any window', ({ calls }, { people: everybody, policy: { caps } }) => {
    for (const [number] of everybody.entries()) {
      const times = calls.filter((call) => call.message.class === 'marketing' && call.message.channel === 'email' && call.message.person % everybody.length === number && mayHaveArrived(call)).map((call) => call.at);
      for (const { most, withinHours } of caps) for (const end of times) expect(times.filter((one) => one <= end && one > end - withinHours * HOUR).length).toBeLessThanOrEqual(most);
    }
  });

  law('mails no marketing in the quiet hours of the person\'s own clock', ({ calls }, { people: everybody, policy: { quietHours } }) => {
    for (const { at: now, message } of calls.filter(({ message: { class: of, channel } }) => quietHours && of === 'marketing' && channel === 'email')) {
      const clock = clocks.get(everybody[message.person % everybody.length]!.zone)!.format(now);
      const { from, to } = quietHours!;
      expect(from < to ? clock < from || clock >= to : clock >= to && clock < from).toBe(true);
    }
  });

  law('calls nothing that has expired, and marketing never again once it may have arrived', ({ calls }) => {
    for (const { at: now, message } of calls) expect(now).toBeLessThan(message.wantedAt + message.lives);
    const marketing = calls.filter((call) => call.message.class === 'marketing' && mayHaveArrived(call));
    expect(new Set(marketing.map(({ id }) => id)).size).toBe(marketing.length);
  });

  law('tells the truth: sent was accepted, dropped was never called, failed never arrived, unknown may have', ({ calls, intents }) => {
    for (const [id, { state }] of intents.entries()) {
      const own = calls.filter((call) => call.id === id);
      if (state === 'sent') expect(own.at(-1)!.result.kind).toBe('accepted');
      if (state === 'dropped') expect(own).toEqual([]);
      if (state === 'failed') expect(own.some(mayHaveArrived)).toBe(false);
      if (state === 'unknown') expect(own.map(({ result }) => result.kind)).toContain('unclear');
    }
  });

  it('keeps from nobody what nothing forbids: while the provider takes everything, transactional messages to whoever can be reached arrive, and without caps and quiet hours marketing to the willing', () =>
    fc.assert(fc.property(plays, fc.boolean(), (play, isFree) => {
      const easy = { ...play, results: [], lags: [], ...(isFree && { policy: { version: 1, caps: [], quietHours: null } }) };
      const { intents } = tell(easy);
      for (const [id, message] of easy.messages.entries()) {
        const { said: all } = easy.people[message.person % easy.people.length]!;
        const isReachable = all.every(({ known, suppressed }) => known !== false && suppressed !== true);
        const isWilling = all.every(({ consent, unsubscribed }) => consent !== 'false' && unsubscribed !== true) && all[0]!.consent === 'true';
        if (isReachable && (message.class === 'transactional' || (isFree && isWilling))) expect(intents[id]!.state).toBe('sent');
      }
    }), { numRuns: 10_000 }), 120_000);

  it('frees a full cap when enough of what counted has aged, and not before', () => {
    const caps = [{ class: 'marketing', most: 2, withinHours: 10 }] as const;

    expect(capFreeAt(caps, [START, START + HOUR, START + 2 * HOUR], START + 3 * HOUR)).toBe(START + 11 * HOUR);
    expect(capFreeAt(caps, [START, START + HOUR], START + 10 * HOUR)).toBe(START + 10 * HOUR);
    expect(capFreeAt([{ class: 'marketing', most: 0, withinHours: 1 }], [], START)).toBe(Infinity);
  });

  it('has patience with who is not known yet, and then says so', () => {
    const unknown = { class: 'transactional', channel: 'email', wantedAt: START, expiresAt: START + 24 * HOUR, person: undefined, isAboutSomebody: true, contact: undefined, endpoint: undefined, sent: [], zone: 'UTC' } as const;
    const rules: Policy = { version: 1, caps: [], quietHours: null };

    expect(decide(unknown, rules, START)).toEqual({ kind: 'delay', until: START + PATIENCE, why: 'profile.unknown', seen: {} });
    expect(decide(unknown, rules, START + PATIENCE)).toMatchObject({ kind: 'drop', why: 'profile.unknown' });
    expect(decide({ ...unknown, person: {} }, rules, START)).toMatchObject({ kind: 'delay', why: 'contact.unknown' });
    expect(decide({ ...unknown, isAboutSomebody: false }, rules, START)).toMatchObject({ kind: 'drop', why: 'contact.unknown' });
  });
});
