import { setTimeout as pause } from 'node:timers/promises';

import type { Journal, Sent, Try } from './journal.js';
import { Lane, type Message } from './lane.js';

export type LoadOptions = {
  /** In front of every order's id, so that each fault has orders of its own. */
  readonly section: string;
  readonly journal: Journal;
  readonly writeKey: string;
  /** Where to send; after a failure the next one is tried. */
  readonly targets: () => readonly string[];
  readonly perSecond?: number;
  /** Its customers can be written to, and are; otherwise nobody knows an address of theirs. */
  readonly reachable?: boolean;
  /** What takes longer counts as not answered; 3 s unless told. */
  readonly answerWithinMs?: number;
};

const LANES = 6;
const BATCH = 10;
const PER_SECOND = 250;
const ANSWER_WITHIN_MS = 3_000;
const AGAIN_AFTER_MS = 150;

/** Steady load over HTTP, bounded in rate; whatever was not answered with 202 is sent again under the same ids until it is. */
export class Load {
  #stopping = false;
  #abandoned = false;
  #running: Promise<unknown> = Promise.resolve();
  #target = 0;

  constructor(private readonly options: LoadOptions) {}

  start(): this {
    const { section, reachable = false } = this.options;
    this.#running = Promise.all(Array.from({ length: LANES }, (_, index) => this.#run(new Lane({ section, index, reachable }))));
    return this;
  }

  /** Returns when everything that was sent is accepted. @throws Error when that does not come about */
  async stop(withinMs = 60_000): Promise<void> {
    this.#stopping = true;
    const late = setTimeout(() => (this.#abandoned = true), withinMs);
    await this.#running;
    clearTimeout(late);
    if (this.#abandoned) throw new Error('the door did not accept again');
  }

  async #run(lane: Lane): Promise<void> {
    const every = (LANES * BATCH * 1_000) / (this.options.perSecond ?? PER_SECOND);
    for (let next = performance.now(); !this.#stopping; next = Math.max(next + every, performance.now() - every)) {
      await pause(Math.max(0, next - performance.now()));
      await this.deliver(lane.batch(BATCH));
    }
  }

  /** Sends one batch until it is accepted. */
  async deliver(messages: readonly Message[]): Promise<void> {
    const { journal } = this.options;
    const batch = messages.map(({ sent }) => sent);
    const body = JSON.stringify({ observations: messages.map(({ observation }) => observation) });
    for (let target = this.#target; !this.#abandoned; target += 1) {
      journal.sending(batch);
      const outcome = await this.#try(target, body, batch);
      journal.answered(batch, outcome);
      if (outcome.status === 202) return void (this.#target = target);
      await pause(AGAIN_AFTER_MS);
    }
  }

  async #try(target: number, body: string, batch: readonly Sent[]): Promise<Try> {
    const { targets, writeKey, journal, answerWithinMs = ANSWER_WITHIN_MS } = this.options;
    const to = targets();
    try {
      const response = await fetch(`${to[target % to.length]}/v1/observations`, {
        method: 'POST', body, headers: { authorization: `Bearer ${writeKey}`, 'content-type': 'application/json' }, signal: AbortSignal.timeout(answerWithinMs),
      });
      const answer = (await response.json()) as { duplicate: number; results?: { status: string; messageId: string; code?: string }[] };
      if (response.status !== 202) return { status: response.status };
      for (const { status, messageId, code } of answer.results ?? []) if (status === 'quarantined') journal.quarantined.push(`${messageId}: ${code}`);
      if (answer.results?.length !== batch.length) throw new Error('an answer to something else');
      return { status: 202, duplicates: answer.duplicate };
    } catch (error) {
      return { status: 'unknown', cause: causeOf(error) };
    }
  }
}

function causeOf(error: unknown): string {
  const { name, cause, message } = error as { name: string; message: string; cause?: { code?: string } };
  return cause?.code ?? (name === 'TimeoutError' ? name : message);
}
