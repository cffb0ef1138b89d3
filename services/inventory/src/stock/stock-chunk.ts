import { availableOf, caused, levelChanged, looksSame, unknownLevel, type Because, type CausedFact, type Level } from './level.js';

/** A SKU as inventory keeps it: its row is the lock on everything that belongs to it. */
export type Sku = { readonly sku: string; /** How many level facts were said of it. */ readonly seq: number };

/** What one transaction has locked of the stock, and what becomes of it, record by record. */
export class StockChunk {
  /** What is to be said, in order. */
  readonly facts: CausedFact[] = [];
  readonly #levels: Map<string, Map<string, Level>>;
  readonly #touched = new Map<string, Level>();

  constructor(private readonly skus: Map<string, Sku>, levels: readonly Level[]) {
    this.#levels = new Map([...skus.keys()].map((sku) => [sku, new Map<string, Level>()]));
    for (const level of levels) this.#levels.get(level.sku)!.set(level.warehouse, level);
  }

  /** Whether a SKU is locked by this transaction. */
  holds(sku: string): boolean {
    return this.skus.has(sku);
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

  /** Puts a level in the place of the one that was, and says so when a reader can tell them apart. */
  put(level: Level, because: Because): void {
    const was = this.level(level.sku, level.warehouse);
    this.#levels.get(level.sku)!.set(level.warehouse, level);
    this.#touched.set(`${level.sku}\0${level.warehouse}`, level);
    if (looksSame(was, level)) return;
    const sku = this.skus.get(level.sku)!;
    this.skus.set(level.sku, { ...sku, seq: sku.seq + 1 });
    this.facts.push(caused(because, levelChanged(level, sku.seq + 1, because)));
  }

  /** The rows to write. */
  touched(): { levels: Level[]; skus: Sku[] } {
    const levels = [...this.#touched.values()];
    return { levels, skus: [...new Set(levels.map(({ sku }) => sku))].map((sku) => this.skus.get(sku)!) };
  }
}
