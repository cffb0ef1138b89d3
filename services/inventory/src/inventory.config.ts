import type { Settings } from '@yunke/service';

export class InventoryConfig {
  /** `YUNKE_ENDED_DAYS`: how long closed alerts and ended reservations are kept. */
  readonly endedDays: number;

  constructor(settings: Settings) {
    this.endedDays = settings.integer('YUNKE_ENDED_DAYS', { fallback: 400, least: 31, most: 3_650 });
  }
}
