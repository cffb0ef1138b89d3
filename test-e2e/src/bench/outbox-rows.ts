import type { Flow } from './flow.js';
import { sampleOf, type Rows } from './like-table.js';
import { MEASURED, type MeasuredService } from './measured-services.js';

const LOOK_EVERY_MS = 100;
const ROWS_PER_LOOK = 50;
const ROWS_ENOUGH = 400;

/** Outbox rows are gone as soon as they are published: these are taken in passing, as services wrote them. */
export class OutboxRows {
  readonly byService = new Map<MeasuredService, Rows>(MEASURED.map((service) => [service, []]));
  #looking: Promise<void> = Promise.resolve();
  readonly #timer: NodeJS.Timeout;

  constructor(private readonly flow: Flow) {
    this.#timer = setInterval(() => {
      this.#looking = this.#looking.then(() => this.#look()).catch(() => undefined); // what failed here fails elsewhere, too, and is told there
    }, LOOK_EVERY_MS);
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#looking;
  }

  async #look(): Promise<void> {
    for (const [service, rows] of this.byService) {
      if (rows.length < ROWS_ENOUGH) this.byService.set(service, [...rows, ...(await sampleOf(this.flow.database(service), 'outbox', ROWS_PER_LOOK))]);
    }
  }
}
