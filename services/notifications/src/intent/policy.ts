import { HOUR, type Millis } from '@yunke/kernel';

import type { QuietHours } from '../person/quiet-hours.js';

/** At most so many messages of this class to one address within so many hours, whenever one looks. */
export type Cap = { readonly class: 'marketing'; readonly most: number; readonly withinHours: number };

/** What holds for everybody. Transactional and staff messages know neither caps nor quiet hours. */
export type Policy = { readonly version: number; readonly caps: readonly Cap[]; readonly quietHours: QuietHours | null };

/** Marketing by e-mail: once in 16 hours, thrice a week; never from 21:00 to 09:00 on the person's clock. */
export const SHIPPED_POLICY: Policy = {
  version: 1, caps: [{ class: 'marketing', most: 1, withinHours: 16 }, { class: 'marketing', most: 3, withinHours: 168 }], quietHours: { from: '21:00', to: '09:00' },
};

/** How far back one must look to judge caps. */
export const longestWindow = ({ caps }: Policy): Millis => Math.max(0, ...caps.map(({ withinHours }) => withinHours * HOUR));

/** The first instant from `now` on at which no cap is full, given the instants at which messages went out. */
export function capFreeAt(caps: readonly Cap[], sent: readonly Millis[], now: Millis): Millis {
  return Math.max(now, ...caps.map(({ most, withinHours }) => {
    if (most === 0) return Infinity;
    const within = sent.filter((at) => at > now - withinHours * HOUR).sort((a, b) => b - a);
    return within.length < most ? now : within[most - 1]! + withinHours * HOUR;
  }));
}
