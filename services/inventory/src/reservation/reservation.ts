import type { Fact, ReservationAsked, StockBackordered } from '@yunke/contracts';
import { compareText, iso, type Millis } from '@yunke/kernel';

import { availableOf, type Because } from '../stock/level.js';
import type { StockChunk } from '../stock/stock-chunk.js';

export type Units = { readonly sku: string; readonly quantity: number };
export type SetAside = Units & { readonly warehouse: string };

/** What an order asked for last, and what came of it. There is one row an order: it holds at most one reservation. */
export type Reservation = {
  readonly orderId: string;
  readonly ask: number;
  readonly state: 'reserved' | 'backordered' | 'lost' | 'released' | 'consumed';
  /** How many answers were said of it. */
  readonly seq: number;
  /** When the order first asked: who asked first is served first. */
  readonly since: Millis;
  readonly answeredAt: Millis;
  readonly because: string;
  readonly lines: readonly Units[];
  /** Where its units are set aside; empty unless `reserved` or `lost`. */
  readonly held: readonly SetAside[];
};

export type Ask = { readonly orderId: string; readonly ask: number; readonly wants: ReservationAsked['wants']; readonly because: string; readonly lines: readonly Units[] };

type Availability = readonly { readonly warehouse: string; readonly available: number }[];

/**
 * Where to take units from, all or nothing: one warehouse that has everything, else for each SKU the warehouses that have most.
 * Undefined when a SKU does not suffice. Names decide between equals, so that the same stock gives the same answer.
 */
export function allocate(wanted: readonly Units[], availability: (sku: string) => Availability): SetAside[] | undefined {
  const bySku = wanted.map(({ sku, quantity }) => ({ sku, quantity, shelves: availability(sku).filter(({ available }) => available > 0) }));
  if (bySku.some(({ quantity, shelves }) => sum(shelves) < quantity)) return undefined;
  const everything = [...new Set(bySku.flatMap(({ shelves }) => shelves.map(({ warehouse }) => warehouse)))].sort()
    .find((name) => bySku.every(({ quantity, shelves }) => shelves.some(({ warehouse, available }) => warehouse === name && available >= quantity)));
  if (everything !== undefined) return bySku.map(({ sku, quantity }) => ({ sku, quantity, warehouse: everything }));
  return bySku.flatMap(({ sku, quantity, shelves }) => {
    let missing = quantity;
    return [...shelves].sort((a, b) => b.available - a.available || compareText(a.warehouse, b.warehouse)).flatMap(({ warehouse, available }) => {
      const taken = Math.min(missing, available);
      missing -= taken;
      return taken > 0 ? [{ sku, warehouse, quantity: taken }] : [];
    });
  });
}

const sum = (shelves: Availability): number => shelves.reduce((total, { available }) => total + available, 0);

/** The reservation after an ask. An ask that is not newer than the last one changes nothing. */
export function answer(stock: StockChunk, held: Reservation | undefined, ask: Ask, because: Because): Reservation | undefined {
  if (held && ask.ask <= held.ask) return held;
  const before = held?.held ?? [];
  const base = { orderId: ask.orderId, ask: ask.ask, seq: held?.seq ?? 0, since: held?.since ?? because.acceptedAt, because: ask.because, lines: ask.lines };
  if (ask.wants === 'reserve') return reserve(stock, { ...base, state: 'backordered', answeredAt: because.acceptedAt, held: before }, because, held?.state === 'lost');
  move(stock, before, [], { because, wasLost: held?.state === 'lost', isArrival: ask.wants === 'release' });
  const state = ask.wants === 'release' ? 'released' : 'consumed';
  return tell(stock, { ...base, state, answeredAt: because.acceptedAt, held: [], lines: held?.lines ?? [] }, because, { units: before });
}

/** Tries to set aside what a reservation wants, giving back what it held. */
export function reserve(stock: StockChunk, wanting: Reservation, because: Because, wasLost = false): Reservation {
  const { held, lines } = wanting;
  const credit = (sku: string, warehouse: string): number => held.find((one) => one.sku === sku && one.warehouse === warehouse)?.quantity ?? 0;
  const availability = (sku: string): Availability => stock.levelsOf(sku).map((level) => ({ warehouse: level.warehouse, available: availableOf(level) + credit(sku, level.warehouse) }));
  const taken = allocate(lines, availability);
  const lacking = taken ? [] : lines.map(({ sku, quantity }) => ({ sku, wanted: quantity, available: sum(availability(sku).filter(({ available }) => available > 0)) })).filter(({ wanted, available }) => available < wanted);
  move(stock, held, taken ?? [], { because, wasLost, isArrival: true });
  return tell(stock, { ...wanting, state: taken ? 'reserved' : 'backordered', answeredAt: because.acceptedAt, held: taken ?? [] }, because, { units: taken ?? [], lacking });
}

/** Its units turned out not to be there: orders must ask anew or end it. */
export function lose(stock: StockChunk, reserved: Reservation, because: Because): Reservation {
  for (const { sku, warehouse, quantity } of reserved.held) {
    const level = stock.level(sku, warehouse);
    stock.put({ ...level, lost: level.lost + quantity }, because);
  }
  return tell(stock, { ...reserved, state: 'lost', answeredAt: because.acceptedAt }, because, { units: reserved.held });
}

type Moving = { readonly because: Because; readonly wasLost: boolean; /** Whether what is given back is there for others: units that left the shop are not. */ readonly isArrival: boolean };

function move(stock: StockChunk, from: readonly SetAside[], to: readonly SetAside[], { because, wasLost, isArrival }: Moving): void {
  const shelves = new Map<string, { sku: string; warehouse: string; change: number; found: number }>();
  for (const [units, sign] of [[from, -1], [to, 1]] as const) {
    for (const { sku, warehouse, quantity } of units) {
      const key = `${sku}\0${warehouse}`;
      const { change = 0, found = 0 } = shelves.get(key) ?? {};
      shelves.set(key, { sku, warehouse, change: change + sign * quantity, found: found + (sign < 0 && wasLost ? quantity : 0) });
    }
  }
  for (const { sku, warehouse, change, found } of shelves.values()) {
    const level = stock.level(sku, warehouse);
    if (change !== 0 || found !== 0) stock.put({ ...level, reserved: level.reserved + change, lost: level.lost - found }, because, isArrival);
  }
}

type Content = { readonly units: readonly SetAside[]; readonly lacking?: readonly { readonly sku: string; readonly wanted: number; readonly available: number }[] };

const TYPES = { reserved: 'StockReserved', backordered: 'StockBackordered', lost: 'StockLost', released: 'StockReleased', consumed: 'StockConsumed' } as const;

function tell(stock: StockChunk, reservation: Reservation, because: Because, { units, lacking = [] }: Content): Reservation {
  const { orderId, ask, state } = reservation;
  const seq = reservation.seq + 1;
  const at = iso(Math.max(because.acceptedAt, reservation.since));
  const body = { orderId, ask: String(ask), seq: String(seq), effectiveAt: at, acceptedAt: at, reason: because.reason, cause: because.cause };
  const lines = units.map(({ sku, warehouse, quantity }) => ({ sku, warehouse, quantity: String(quantity) }));
  const content = state === 'backordered' ? { lacking: lacking.map((line): StockBackordered['lacking'][number] => ({ sku: line.sku, wanted: String(line.wanted), available: String(line.available) })) }
    : { lines, ...(state === 'released' && { because: reservation.because }) };
  stock.say({ type: TYPES[state], body: { ...body, ...content } } as Fact, because, `ask:${orderId}:${ask}`);
  return { ...reservation, seq, answeredAt: Date.parse(at) };
}
