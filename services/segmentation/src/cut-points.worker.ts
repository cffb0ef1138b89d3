import { Injectable, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';

import { membersOf, say } from '@yunke/events';
import { DAY, iso } from '@yunke/kernel';
import { Db, isTransient } from '@yunke/postgres';

import { Chunk } from './chunk.js';
import { fold, valueAt } from './history.js';
import { endJob, progress, runningJobs, startJob, type Job } from './job.store.js';
import { holdRules, putInForce } from './rules.store.js';
import { SegmentationConfig } from './segmentation.config.js';
import { cutPointsOf, type Buyer } from './shipped.js';
import { save } from './standing.handlers.js';
import { entriesOf, list, lockMany } from './standing.store.js';

const PAGE = 500;
const KIND = 'rfm-cut-points';

/**
 * Computes the cut points of RFM from the present buyers, puts them in force as a new version and says so; then walks over all
 * profiles, each under its lock, skipping those that were evaluated by that version meanwhile. A job that was cut off by a
 * crash is taken up again at the start: from its first page if the cut points were not in force yet, else where the walk stood.
 */
@Injectable()
export class CutPointsJob implements OnModuleInit, OnModuleDestroy {
  #stopping = false;
  #running: Promise<void> = Promise.resolve();

  constructor(private readonly db: Db, private readonly config: SegmentationConfig) {}

  async onModuleInit(): Promise<void> {
    const [unfinished] = (await runningJobs(this.db)).filter(({ kind }) => kind === KIND);
    if (unfinished) this.#running = this.#run(unfinished);
  }

  async onModuleDestroy(): Promise<void> {
    this.#stopping = true;
    await this.#running;
  }

  /** @throws job.running */
  async start(): Promise<Job> {
    const job = await startJob(this.db, KIND);
    this.#running = this.#run(job);
    return job;
  }

  async #run(job: Job): Promise<void> {
    try {
      if (job.afterProfile === '') await this.#putInForce(await this.#population());
      await this.#walk(job);
      if (!this.#stopping) await endJob(this.db, job.id, 'done');
    } catch (error) {
      if (!isTransient(error)) await endJob(this.db, job.id, 'failed').catch(() => undefined);
    }
  }

  async #population(): Promise<Buyer[]> {
    const now = await this.db.now();
    const buyers: Buyer[] = [];
    for (let after = ''; !this.#stopping; ) {
      const page = await list(this.db, PAGE, after);
      if (page.length === 0) break;
      after = page.at(-1)!.id;
      buyers.push(...await this.db.tx(async (tx) => {
        const members = await membersOf(tx, page.map(({ id }) => id));
        const entries = await entriesOf(tx, [...members.values()].flat());
        return page.flatMap(({ id }): Buyer[] => {
          const history = fold(members.get(id)!.map((subject) => ({ entries: entries.get(subject) ?? [] })));
          const frequency = valueAt(history.counted, now);
          const net = history.net.get(this.config.baseCurrency);
          return frequency === 0 ? [] : [{ frequency, recencyDays: Math.floor((now - valueAt(history.last, now)) / DAY), monetaryMinor: net ? valueAt(net, now) : 0 }];
        });
      }));
    }
    return buyers;
  }

  async #putInForce(population: readonly Buyer[]): Promise<void> {
    await this.db.tx(async (tx) => {
      const now = await tx.now();
      const { version, recencyDays, frequency, monetaryMinor, buyers } = await putInForce(tx, cutPointsOf(population, 0), now);
      say(tx, [{ type: 'RfmCutPointsSet', cause: `rfm:${version}`, body: { model: 'rfm', ruleVersion: String(version), effectiveAt: iso(now), recencyDays: recencyDays.map(String), frequency: frequency.map(String), monetaryMinor: monetaryMinor.map(String), buyers: String(buyers) } }]);
    });
  }

  async #walk(job: Job): Promise<void> {
    for (let after = job.afterProfile; !this.#stopping; ) {
      const page = await list(this.db, PAGE, after);
      if (page.length === 0) return;
      after = page.at(-1)!.id;
      await this.db.tx(async (tx) => {
        const rules = await holdRules(tx, this.config.baseCurrency);
        const locked = await lockMany(tx, page.map(({ id }) => id));
        const members = await membersOf(tx, locked.profiles.keys());
        const chunk = new Chunk(rules, locked.profiles, { members, entries: await entriesOf(tx, [...members.values()].flat()) });
        const now = await tx.now();
        for (const { id, ruleVersion } of locked.profiles.values()) {
          if (ruleVersion < rules.version) chunk.react([id], () => undefined, ({ evaluatedAt }) => ({ at: evaluatedAt!, acceptedAt: now, reason: 'rule', cause: `walk:${rules.version}:${id}` }));
        }
        await save(tx, chunk, locked);
        await progress(tx, job.id, page.length, after);
      });
    }
  }
}
