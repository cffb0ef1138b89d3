import { HOUR, type Millis } from '@yunke/kernel';
import type { Settings } from '@yunke/service';

export class OrdersConfig {
  /** How long units are set aside for a paid order that is not shipped. */
  readonly holdMs: Millis;

  constructor(settings: Settings) {
    this.holdMs = settings.integer('YUNKE_RESERVATION_HOURS', { fallback: 14 * 24, least: 1, most: 24 * 365 }) * HOUR;
  }
}
