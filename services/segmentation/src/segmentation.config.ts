import { minorDigits } from '@yunke/kernel';
import type { Settings } from '@yunke/service';

export class SegmentationConfig {
  /** The currency in which value and money are judged; amounts of other currencies are kept and shown, never added. */
  readonly baseCurrency: string;

  constructor(settings: Settings) {
    this.baseCurrency = settings.text('YUNKE_BASE_CURRENCY', 'CNY');
    try {
      minorDigits(this.baseCurrency);
    } catch {
      settings.fault('YUNKE_BASE_CURRENCY', 'must be a currency (ISO 4217), such as CNY');
    }
  }
}
