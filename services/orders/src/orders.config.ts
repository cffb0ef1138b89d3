import { HOUR, type Millis } from '@yunke/kernel';
import type { Settings } from '@yunke/service';

import type { StageLimits } from './order/deadline.js';

const STAGES = ['placed', 'reviewed', 'paid', 'allocated', 'picked', 'packed', 'shipped', 'inTransit', 'outForDelivery'];
const USUAL: readonly (readonly [string, Millis])[] = [['paid', 48 * HOUR], ['allocated', 24 * HOUR], ['picked', 24 * HOUR], ['packed', 24 * HOUR], ['shipped', 240 * HOUR], ['inTransit', 240 * HOUR], ['outForDelivery', 48 * HOUR]];

export class OrdersConfig {
  /** How long units are set aside for a paid order that is not shipped. */
  readonly holdMs: Millis;
  /** How long an order may stand at a stage before it is said to be stalled. */
  readonly stageLimits: StageLimits;

  constructor(settings: Settings) {
    this.holdMs = settings.integer('YUNKE_RESERVATION_HOURS', { fallback: 14 * 24, least: 1, most: 24 * 365 }) * HOUR;
    const own = settings.list('YUNKE_STAGE_HOURS').map((text): [string, Millis] => {
      const [, source = '', stage = '', hours = ''] = /^(?:([A-Za-z0-9-]{1,40})\/)?([A-Za-z]+)=(\d{1,5})$/.exec(text) ?? [];
      if (!STAGES.includes(stage)) settings.fault('YUNKE_STAGE_HOURS', `must be a list of <stage>=<hours> or <source>/<stage>=<hours>, with a stage of ${STAGES.join(', ')}`);
      return [source ? `${source}/${stage}` : stage, Number(hours) * HOUR];
    });
    this.stageLimits = new Map([...USUAL, ...own]);
  }
}
