import type { Fact } from '@yunke/contracts';

import { availableOf, levelChanged, looksSame, unknownLevel, type Because, type CausedFact, type Level } from './level.js';

/** A SKU as inventory keeps it: its row is the lock on everything that belongs to it. */
export type Sku = { readonly sku: string; /** How many level facts were said of it. */ readonly seq: number };

/** What one transaction has locked of the stock, and what becomes of it, record by record. */
export class StockChunk {
  /** What is to be said, in order. */
  readonly facts: CausedFact[] = [];
  readonly #levels: Map<string, Map<string, Level>>;
  readonly #touched = new Map<string, Level>();
  readonly #risen = new Map<string, Because>();

  constructor(private readonly skus: Map<string, Sku>, levels: readonly Level[]) {
    this.#levels = new Map([...skus.keys()].map((sku) => [sku, new Map<string, Level>()]));
    for (const level of levels) this.#levels.get(level.sku)!.set(level.warehouse, level);
  }

  /** The SKUs that this transaction has locked. */
  skuNames(): string[] {
    return [...this.skus.keys()];
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
   * Puts a level in the place of the one that was, and says so when a reader can tell them apart. `isArrival`: should more be
   * available now, then for those who wait.
   */
  put(level: Level, because: Because, isArrival = true): void {
    const was = this.level(level.sku, level.warehouse);
    this.#levels.get(level.sku)!.set(level.warehouse, level);
    this.#touched.set(`${level.sku}\0${level.warehouse}`, level);
    if (looksSame(was, level)) return;
    const sku = this.skus.get(level.sku)!;
    this.skus.set(level.sku, { ...sku, seq: sku.seq + 1 });
    this.say(levelChanged(level, sku.seq + 1, because), because);
    if (isArrival && availableOf(level) > availableOf(was)) this.#risen.set(level.sku, because);
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
    const levels = [...this.#touched.values()];
    return { levels, skus: [...new Set(levels.map(({ sku }) => sku))].map((sku) => this.skus.get(sku)!) };
  }
}
