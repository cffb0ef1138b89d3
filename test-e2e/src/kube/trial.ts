import { setTimeout as pause } from 'node:timers/promises';

import type { Evidence } from '../faults/oracle/evidence.js';
import { Judge, type Verdict } from '../faults/oracle/judge.js';
import { quiet } from '../faults/oracle/quiet.js';
import { SERVICES, type ServiceName } from '../platform/platform.js';
import { serviceOf, type Image, type Installation } from './installation.js';
import type { Cluster } from './kubectl.js';
import { LoadPod, journalOf, requestsOf, type Sending } from './load-pod.js';
import type { Outside } from './outside.js';

const STUCK_AFTER_MS = 120_000;

export type Loss = { readonly lost: number; readonly doubled: number; readonly reordered: number; readonly requests: number; readonly not2xx: number; readonly seconds: number; /** For how long nothing was accepted, at most, while the work was done. */ readonly longestGapMs: number; readonly troubles: readonly string[]; readonly notes: readonly string[] };

/** How well a load covered a time. @throws Error when it began later */
function crossing({ startedAt, longestGapMs, lastAcceptedAt }: Sending, began: number, ended: number): { seconds: number; longestGapMs: number } {
  if (startedAt > began) throw new Error('the load began later than what it is to cross');
  return { seconds: Math.round((lastAcceptedAt - startedAt) / 1_000), longestGapMs: Math.max(longestGapMs, ended - lastAcceptedAt) };
}

/** An installation under trial: something is done to it under load, and the oracle of the fault tests judges what came of it. */
export class Trial {
  readonly #judge: Judge;
  #orders = '';

  constructor(readonly installation: Installation, readonly cluster: Cluster, private readonly outside: Outside, private readonly image: Image) {
    this.#judge = new Judge(this.#evidence());
  }

  /** Where every service can be reached from this machine, until `cluster.closeForwards`. */
  async urls(): Promise<Record<ServiceName, string>> {
    return Object.fromEntries(await Promise.all(SERVICES.map(async (name) => [name, await this.cluster.forward(serviceOf(name))]))) as Record<ServiceName, string>;
  }

  /** Runs `work` while a pod sends `perSecond` observations through the Service, waits until nothing moves, and judges. */
  async underLoad(section: string, perSecond: number, work: () => Promise<void>): Promise<Loss> {
    const image = `${this.image.repository}:${this.image.tag}`;
    const load = await LoadPod.start(this.cluster, { section, image, perSecond, target: `http://${serviceOf('ingestion')}:8080`, writeKey: this.installation.credentials.writeKey });
    await pause(5_000);
    const began = Date.now();
    const failure = await work().then(() => undefined, (error: unknown) => error);
    const ended = Date.now();
    const sending = await load.stop();
    if (failure) throw failure as Error;
    const left = await quiet(this.#evidence(), STUCK_AFTER_MS);
    this.#orders = await this.cluster.forward(serviceOf('orders'));
    const verdict: Verdict = await this.#judge.judge(journalOf(sending), section);
    this.cluster.closeForwards();
    const stuck = left.unsaid || left.unheard ? [`still moving: ${left.unsaid} unsaid, ${left.unheard} unheard`] : [];
    return { lost: verdict.lost + (stuck.length > 0 ? 1 : 0), doubled: verdict.doubled, reordered: verdict.reordered, ...requestsOf(sending), ...crossing(sending, began, ended), troubles: sending.troubles, notes: [...stuck, ...verdict.notes] };
  }

  #evidence(): Evidence {
    const { outside } = this;
    return {
      brokers: outside.kafka.brokers, services: SERVICES, databaseUrl: (name) => outside.postgres.url.replace('{service}', name),
      ordersUrl: () => this.#orders, apiToken: this.installation.credentials.apiToken,
    };
  }
}
