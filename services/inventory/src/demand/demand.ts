import type { OrderLinesRecorded } from '@yunke/contracts';
import { millis } from '@yunke/kernel';

import type { SetAside } from '../reservation/reservation.js';
import type { Entry } from '../stock/book.js';
import { dayOf } from './plan.js';

/** The demand that an order counts for: its day and units by SKU; no day while it counts for none. */
export type Counted = { readonly day?: number; readonly units: Readonly<Record<string, number>> };
/** Units by SKU that left the shop and were booked, because the order's source sends no stock of its own. */
export type Shipped = Readonly<Record<string, number>>;

export type OrderDemand = { readonly orderId: string; readonly seq: number; readonly counted: Counted; readonly shipped: Shipped };
export type DemandChange = { readonly sku: string; readonly day: number; readonly units: number };

export const unknownDemand = (orderId: string): OrderDemand => ({ orderId, seq: 0, counted: { units: {} }, shipped: {} });

const unitsOf = ({ lines }: OrderLinesRecorded): Record<string, number> => Object.fromEntries(lines.map(({ sku, quantity }) => [sku, Number(quantity)]));

/** A SKU may be called what every object has, `constructor` for one. */
const unitsIn = (units: Shipped, sku: string): number => (Object.hasOwn(units, sku) ? units[sku]! : 0);

/** An order that was placed and not cancelled is demand of the day (UTC) on which it was placed. */
export function countedOf(recorded: OrderLinesRecorded): Counted {
  return recorded.placedAt === undefined || recorded.cancelledAt !== undefined ? { units: {} } : { day: dayOf(millis(recorded.placedAt)), units: unitsOf(recorded) };
}

/** What the days of SKUs gain and lose when orders count differently: one change a SKU and day, in the order of their keys. */
export function demandChanges(moves: readonly { readonly was: Counted; readonly is: Counted }[]): DemandChange[] {
  const changes = new Map<string, { sku: string; day: number; units: number }>();
  const add = ({ day, units }: Counted, sign: number): void => {
    if (day === undefined) return;
    for (const [sku, quantity] of Object.entries(units)) {
      const key = `${sku}\0${day}`;
      changes.set(key, { sku, day, units: (changes.get(key)?.units ?? 0) + sign * quantity });
    }
  };
  for (const { was, is } of moves) {
    add(was, -1);
    add(is, 1);
  }
  return [...changes.values()].filter(({ units }) => units !== 0).sort((a, b) => (a.sku < b.sku ? -1 : a.sku > b.sku ? 1 : a.day - b.day));
}

export type Movement = { readonly sku: string; readonly warehouse: string; readonly entry: Entry };

/**
 * The movements that bring what was booked in line with what left the shop: out of where the units are set aside, else out of the
 * source's warehouse. A movement is never changed: a correction is another one.
 */
export function shippedMovements(recorded: OrderLinesRecorded, booked: Shipped, { warehouse, held }: { warehouse: string; held: readonly SetAside[] }): { movements: Movement[]; shipped: Shipped } {
  if (recorded.shippedAt === undefined) return { movements: [], shipped: booked };
  const shipped = unitsOf(recorded);
  const at = millis(recorded.shippedAt);
  const movements = [...new Set([...Object.keys(booked), ...Object.keys(shipped)])].sort().flatMap((sku) => {
    let missing = unitsIn(shipped, sku) - unitsIn(booked, sku);
    const parts = new Map<string, number>();
    for (const one of held) {
      const taken = one.sku === sku ? Math.min(Math.max(0, missing), one.quantity) : 0;
      if (taken > 0) parts.set(one.warehouse, taken);
      missing -= taken;
    }
    if (missing !== 0) parts.set(warehouse, (parts.get(warehouse) ?? 0) + missing);
    return [...parts].map(([place, quantity]): Movement => ({ sku, warehouse: place, entry: entryOf(recorded, -quantity, at) }));
  });
  return { movements, shipped };
}

function entryOf({ orderId, seq, acceptedAt }: OrderLinesRecorded, quantity: number, at: number): Entry {
  const movementId = `${orderId}#${seq}`;
  return { movementId, source: orderId.slice(0, orderId.indexOf(':')), kind: 'sale', quantity, occurredAt: at, place: [at, millis(acceptedAt), movementId] };
}
