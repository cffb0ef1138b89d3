import type { OrderBackordered, OrderedLine, ReservationAsked } from '@yunke/contracts';
import type { Millis } from '@yunke/kernel';

/** What an order wants of stock now. */
export type Wanted = { readonly wants: ReservationAsked['wants']; readonly because: ReservationAsked['because']; readonly lines: readonly OrderedLine[] };

/** The latest ask, and what it came to. Answers to earlier asks say nothing any more. */
export type Saga = Wanted & {
  readonly ask: number;
  readonly answer?: 'reserved' | 'backordered' | 'lost';
  /** Set while everything is set aside, and ever after when the order left the shop or was given up with it. */
  readonly allocatedAt?: Millis;
  /** Set while the order is paid and nothing is set aside. */
  readonly backordered?: { readonly at: Millis; readonly because: OrderBackordered['because'] };
  /** When a reservation that is not used ends. */
  readonly lapsesAt?: Millis;
  readonly lapsed?: true;
};

/** Inventory's word about an ask. */
export type Answer = { readonly ask: number; readonly answer: 'reserved' | 'backordered' | 'lost' | 'ended'; readonly effectiveAt: Millis; readonly acceptedAt: Millis };

/** The saga after what the order wants has changed; the same when it has not. */
export function asked(saga: Saga | undefined, wanted: Wanted | undefined): Saga | undefined {
  if (!wanted || (!saga && wanted.wants !== 'reserve')) return saga;
  const isSame = saga && saga.wants === wanted.wants && JSON.stringify(saga.lines) === JSON.stringify(wanted.lines);
  if (isSame && saga.answer !== 'lost') return saga;
  const because = wanted.wants !== 'reserve' ? wanted.because : saga?.answer === 'lost' ? 'lost' : saga ? 'amended' : 'paid';
  const { allocatedAt, backordered, lapsed } = saga ?? {};
  const isWaiting = wanted.wants === 'reserve' || lapsed; // whoever left the shop or was given up waits for nothing
  return { ...wanted, because, ask: (saga?.ask ?? 0) + 1, ...(allocatedAt !== undefined && { allocatedAt }), ...(isWaiting && backordered && { backordered }), ...(lapsed && { lapsed }) };
}

/** The saga after an answer; the same when it answers another ask than the latest. A reservation may be held for `holdMs`. */
export function answered(saga: Saga | undefined, { ask, answer, effectiveAt, acceptedAt }: Answer, holdMs: Millis): Saga | undefined {
  if (!saga || saga.ask !== ask || saga.wants !== 'reserve' || answer === 'ended') return saga;
  const { allocatedAt: _, backordered, lapsesAt: __, ...rest } = saga;
  if (answer === 'reserved') return { ...rest, answer, allocatedAt: effectiveAt, lapsesAt: acceptedAt + holdMs };
  return { ...rest, answer, backordered: backordered ?? { at: effectiveAt, because: answer === 'lost' ? 'lost' : 'lacking' } };
}

/** The saga after time went on to `until`: a reservation that nobody used lapses. */
export function lapsed(saga: Saga | undefined, until: Millis): Saga | undefined {
  if (saga?.lapsesAt === undefined || saga.lapsesAt > until) return saga;
  const { allocatedAt: _, lapsesAt, ...rest } = saga;
  return { ...rest, lapsed: true, backordered: { at: lapsesAt, because: 'lapsed' } };
}
