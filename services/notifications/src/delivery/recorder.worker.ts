import { setTimeout as pause } from 'node:timers/promises';

import { say } from '@yunke/events';
import { fault, iso, type Millis } from '@yunke/kernel';
import { columnsOf, isTransient, type Db, type Tx } from '@yunke/postgres';
import { arm } from '@yunke/timers';

import { changeContact } from '../contact/changing.worker.js';
import { LOST, afterCall, jitterOf, type Result } from '../intent/attempt.js';
import { afterResult, type Intent } from '../intent/intent.js';
import { lockCalling, lockLost, markBounced, saveMany } from '../intent/intent.store.js';
import { close } from '../webhook/endpoint.store.js';
import { sayOutcomes } from './deciding.worker.js';

/** A call that is over. */
export type Answered = { readonly intent: Intent; readonly result: Result };

const PAGE = 200;

/** Writes results down as they come in: whatever has gathered while the last transaction ran goes into the next one. */
export class Recorder {
  #gathered: Answered[] = [];
  #running: Promise<void> | undefined;

  constructor(private readonly db: Db, private readonly failed: (error: unknown) => void) {}

  /** Resolves when the result is written, or will not be because the call was taken over. */
  async record(answered: Answered): Promise<void> {
    this.#gathered.push(answered);
    while (this.#gathered.includes(answered)) await (this.#running ??= this.#write());
  }

  /** Takes over the calls that no process finished. */
  async recoverLost(): Promise<void> {
    await this.db.tx(async (tx) => save(tx, (await lockLost(tx, PAGE)).map((intent) => ({ intent, result: LOST }))));
  }

  async #write(): Promise<void> {
    const batch = this.#gathered.slice(0, PAGE);
    try {
      await this.db.tx(async (tx) => {
        const ours = new Map((await lockCalling(tx, batch.map(({ intent }) => intent))).map((intent) => [intent.id, intent]));
        await save(tx, batch.flatMap(({ intent: { id }, result }) => (ours.has(id) ? [{ intent: ours.get(id)!, result }] : [])));
      });
      await fault('result.recorded');
      this.#gathered.splice(0, batch.length);
    } catch (error) {
      this.failed(error);
      if (!isTransient(error)) this.#gathered.splice(0, batch.length); // a bug: the lease runs out and the call counts as lost
      await pause(500);
    } finally {
      this.#running = undefined;
    }
  }
}

/** What follows from results, in one transaction. The intents are locked. */
async function save(tx: Tx, answered: readonly Answered[]): Promise<void> {
  if (answered.length === 0) return;
  const now = await tx.now();
  const after = answered.map(({ intent, result }) => {
    const next = afterCall(intent, result, now, jitterOf(intent.id, intent.attempts));
    const saved = afterResult(intent, next, result.kind === 'unclear', now);
    return result.kind === 'accepted' ? { ...saved, providerId: result.providerId ?? null } : saved;
  });
  await saveMany(tx, after, 0);
  await saveCalls(tx, answered, now);
  await arm(tx, 'intent', after.filter(({ state }) => state === 'waiting').map(({ id, dueAt }) => ({ key: id, dueAt: dueAt! })));
  sayOutcomes(tx, after);
  await buryDead(tx, answered, now);
}

async function saveCalls(tx: Tx, answered: readonly Answered[], now: Millis): Promise<void> {
  const rows = answered.map(({ intent, result }) => ({ id: intent.id, attempt: intent.attempts, channel: intent.channel, result: result.kind, why: result.why, provider: result.kind === 'accepted' ? result.providerId : undefined, called: iso(intent.calledAt!), ended: iso(now) }));
  await tx.query(
    `insert into deliveries (intent_id, attempt, channel, result, why, provider_id, called_at, ended_at)
     select * from unnest($1::uuid[], $2::int[], $3::text[], $4::text[], $5::text[], $6::text[], $7::timestamptz[], $8::timestamptz[]) on conflict (intent_id, attempt) do nothing`,
    columnsOf(rows, 'id', 'attempt', 'channel', 'result', 'why', 'provider', 'called', 'ended'));
}

/** An address that does not exist is suppressed, and its message came back; an endpoint that is gone is closed. */
async function buryDead(tx: Tx, answered: readonly Answered[], now: Millis): Promise<void> {
  const dead = answered.filter(({ result }) => result.kind === 'refused' && result.isDead).sort((a, b) => ((a.intent.contactId ?? '') < (b.intent.contactId ?? '') ? -1 : 1));
  for (const { intent, result } of dead) {
    if (intent.channel === 'webhook') await close(tx, intent.target!, result.why);
    else if (intent.contactId !== null) {
      await changeContact(tx, intent.contactId, { change: 'suppressed', by: 'platform', why: 'bounced', at: now, cause: `intent:${intent.id}` });
      const bounced = await markBounced(tx, intent.id, 'hard'); // so that whoever reports it, too, says nothing new
      if (bounced?.isNews) say(tx, [{ type: 'MessageBounced', cause: `intent:${intent.id}`, body: { intentId: intent.id, effectiveAt: iso(now), acceptedAt: iso(now), cause: intent.factId, kind: 'hard', why: result.why } }]);
    }
  }
}
