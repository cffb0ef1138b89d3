import type { Fact } from '@yunke/contracts';
import type { Millis } from '@yunke/kernel';

import type { Plan } from '../demand/plan.js';
import { availableOf, levelChanged, looksSame, unknownLevel, type Because, type CausedFact, type Level } from './level.js';

/** A SKU as inventory keeps it: its row is the lock on everything that belongs to it. */
export type Sku = {
  readonly sku: string;
  /** How many level facts were said of it. */
  readonly seq: number;
  /** Its demand as it was last computed, and when that is due again. */
  readonly plan?: Plan;
  readonly planAt?: Millis;
};

/** A level that something happened to: what happened last, what last that may alarm somebody, and what last was news, though it may have come late. */
export type Looked = { readonly sku: string; readonly warehouse: string; readonly last: Because; readonly live?: Because; readonly news?: Because };

export const shelfKey = ({ sku, warehouse }: { readonly sku: string; readonly warehouse: string }): string => `${sku}\0${warehouse}`;

/** What one transaction has locked of the stock, and what becomes of it, record by record. */
export class StockChunk {
  /** What is to be said, in order. */
  readonly facts: CausedFact[] = [];
  readonly #levels: Map<string, Map<string, Level>>;
  readonly #touched = new Map<string, Level>();
  readonly #looked = new Map<string, Looked>();
  readonly #changedSkus = new Set<string>();
  readonly #risen = new Map<string, Because>();
  readonly #untold = new Map<string, { readonly was: Level; readonly because: Because }>();

  constructor(private readonly skus: Map<string, Sku>, levels: readonly Level[]) {
    this.#levels = new Map([...skus.keys()].map((sku) => [sku, new Map<string, Level>()]));
    for (const level of levels) this.#levels.get(level.sku)!.set(level.warehouse, level);
  }

  /** The SKUs that this transaction has locked. */
  skuNames(): string[] {
    return [...this.skus.keys()];
  }

  sku(name: string): Sku {
    return this.skus.get(name)!;
  }

  setSku(sku: Sku): void {
    this.skus.set(sku.sku, sku);
    this.#changedSkus.add(sku.sku);
  }

  level(sku: string, warehouse: string): Level {
    return this.#levels.get(sku)?.get(warehouse) ?? unknownLevel(sku, warehouse);
  }

  levelsOf(sku: string): Level[] {
    return [...(this.#levels.get(sku)?.values() ?? [])];
  }

  /** Units of a SKU that can be promised, by warehouse. */
  availability(sku: string): { readonly warehouse: string; readonly available: number }[] {
    return this.levelsOf(sku).map((level) => ({ warehouse: level.warehouse, available: availableOf(level) })).filter(({ available }) => available > 0);
  }

  /** Units of a SKU that can be promised, over all warehouses. */
  available(sku: string): number {
    return this.levelsOf(sku).reduce((sum, level) => sum + Math.max(0, availableOf(level)), 0);
  }

  /**
   * Puts a level in the place of the one that was, and says so when a reader can tell them apart (of history: in the end). `isArrival`: should more be
   * available now, then for those who wait.
   */
  put(level: Level, because: Because, isArrival = true): void {
    const was = this.level(level.sku, level.warehouse);
    this.keep({ ...level, isLive: level.isLive || because.reason === 'event' || because.reason === 'late' });
    this.look(level, because);
    if (looksSame(was, level)) return;
    if (because.reason === 'history') this.#untold.set(shelfKey(level), { was: this.#untold.get(shelfKey(level))?.was ?? was, because });
    else this.#tell(level, because);
    if (isArrival && availableOf(level) > availableOf(was)) this.#risen.set(level.sku, because);
  }

  /** Of history a reader is told where it ends: a level once a transaction, not once a movement. */
  tellHistory(): void {
    for (const { was, because } of this.#untold.values()) {
      const level = this.level(was.sku, was.warehouse);
      if (!looksSame(was, level)) this.#tell(level, because);
    }
    this.#untold.clear();
  }

  #tell(level: Level, because: Because): void {
    this.#untold.delete(shelfKey(level));
    const sku = this.sku(level.sku);
    this.setSku({ ...sku, seq: sku.seq + 1 });
    this.say(levelChanged(level, sku.seq + 1, because), because);
  }

  /** Puts a level in the place of one that looks the same to a reader. */
  keep(level: Level): void {
    this.#levels.get(level.sku)!.set(level.warehouse, level);
    this.#touched.set(shelfKey(level), level);
  }

  /** Remembers that something happened to a level: whether it needs somebody is judged in the end. */
  look({ sku, warehouse }: Level, because: Because): void {
    const before = this.#looked.get(shelfKey({ sku, warehouse }));
    const mayAlarm = because.reason === 'event' || (because.reason === 'time' && this.level(sku, warehouse).isLive);
    const live = mayAlarm ? because : before?.live;
    const news = because.reason === 'event' || because.reason === 'late' ? because : before?.news;
    this.#looked.set(shelfKey({ sku, warehouse }), { sku, warehouse, last: because, ...(live && { live }), ...(news && { news }) });
  }

  looked(): Looked[] {
    return [...this.#looked.values()];
  }

  /** Says a fact; its id follows from `cause`. */
  say(fact: Fact, { traceparent, cause: because }: Because, cause = because): void {
    this.facts.push({ ...fact, cause, ...(traceparent && { traceparent }) });
  }

  /** The SKUs of which more became available since this was last asked, each with what did it last. */
  takeRisen(): Map<string, Because> {
    const risen = new Map(this.#risen);
    this.#risen.clear();
    return risen;
  }

  /** The rows to write. */
  touched(): { levels: Level[]; skus: Sku[] } {
    return { levels: [...this.#touched.values()], skus: sortedBySku([...this.#changedSkus].map((name) => this.sku(name))) };
  }
}

const sortedBySku = (skus: Sku[]): Sku[] => skus.sort((a, b) => (a.sku < b.sku ? -1 : 1));
