import type { Said, WrittenRow } from './outbox.js';

const AT_MOST = 16_000_000;

/** Rows of the outbox that this process committed itself, until they are claimed: the database need not send them back. */
export class KeptRows {
  readonly #rows = new Map<string, WrittenRow>();
  #characters = 0;

  /** `atMost`: in characters. What does not fit is not kept, and is read from the table. */
  constructor(private readonly atMost = AT_MOST) {}

  get count(): number {
    return this.#rows.size;
  }

  keep(rows: readonly WrittenRow[]): void {
    for (const row of rows) {
      if (this.#characters + row.characters > this.atMost) return;
      this.#rows.set(row.id, row);
      this.#characters += row.characters;
    }
  }

  /** What a claimed row holds, which is then kept no more. Nothing where another row has its id: of a database that was set back. */
  take({ id, topic, partition, events }: { readonly id: string; readonly topic: string; readonly partition: number; readonly events: number }): readonly Said[] | undefined {
    const row = this.#rows.get(id);
    if (!row) return undefined;
    this.#drop(row);
    return row.topic === topic && row.partition === partition && row.events.length === events ? row.events : undefined;
  }

  /** The `count` oldest are not waited for any more: they were claimed before we were told of them. */
  dropOldest(count: number): void {
    for (const row of [...this.#rows.values()].slice(0, count)) this.#drop(row);
  }

  clear(): void {
    this.#rows.clear();
    this.#characters = 0;
  }

  #drop(row: WrittenRow): void {
    this.#rows.delete(row.id);
    this.#characters -= row.characters;
  }
}
