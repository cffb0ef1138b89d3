import type { Settings } from '@yunke/service';

import type { KeyKind } from './source/source.store.js';

export class IngestionConfig {
  /** `YUNKE_BOOTSTRAP_KEYS`: `<source>:<server|browser>:<key>[:history]`, … made at the first start. */
  readonly bootstrapKeys: readonly { source: string; kind: KeyKind; key: string; history: boolean }[];
  /** Events that may wait for the log before the door says 503. */
  readonly backlogLimit: number;

  constructor(settings: Settings) {
    this.bootstrapKeys = settings.list('YUNKE_BOOTSTRAP_KEYS').map((text) => {
      const [source, kind, key, history] = text.split(':');
      if (!source || (kind !== 'server' && kind !== 'browser') || !key || key.length < 24) settings.fault('YUNKE_BOOTSTRAP_KEYS', 'must list <source>:<server|browser>:<key of 24 or more characters>');
      return { source: source!, kind: kind as KeyKind, key: key!, history: history === 'history' };
    });
    this.backlogLimit = settings.integer('YUNKE_BACKLOG_LIMIT', { fallback: 2_000_000, least: 1 });
  }
}
