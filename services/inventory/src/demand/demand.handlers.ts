import type { OrderLinesRecorded, streams } from '@yunke/contracts';
import type { Batch } from '@yunke/events';
import { millis } from '@yunke/kernel';
import type { Tx } from '@yunke/postgres';

import type { Reservation } from '../reservation/reservation.js';
import { countedOf, demandChanges, shippedMovements, unknownDemand, type Counted, type Movement, type OrderDemand } from './demand.js';
import { findDemands, saveCategories, saveDemands, type Categorised } from './demand.store.js';

/** By the id of the record that they follow from. */
export type Movements = ReadonlyMap<string, readonly Movement[]>;

type Known = { /** Sources whose shipped orders move stock, with the warehouse they leave from. */ readonly sources: ReadonlyMap<string, string>; readonly held: ReadonlyMap<string, Reservation> };

/** Counts orders' lines as demand of their days, learns categories, and gives the movements of what left the shop. */
export async function recordDemand(tx: Tx, batch: Batch<typeof streams.ordersLines>, { sources, held }: Known): Promise<Movements> {
  const recorded = batch.records.flatMap((record) => (record.type === 'OrderLinesRecorded' ? [record] : []));
  if (recorded.length === 0) return new Map();
  const was = await findDemands(tx, [...new Set(recorded.map(({ key }) => key))]);
  const now = new Map<string, OrderDemand>(was);
  const movements = new Map<string, readonly Movement[]>();
  const categories = new Map<string, Categorised>();
  for (const { id, key, body } of recorded) {
    const before = now.get(key) ?? unknownDemand(key);
    if (Number(body.seq) <= before.seq) continue;
    const warehouse = sources.get(key.slice(0, key.indexOf(':')));
    const left = warehouse === undefined ? { movements: [], shipped: before.shipped } : shippedMovements(body, before.shipped, { warehouse, held: held.get(key)?.held ?? [] });
    now.set(key, { orderId: key, seq: Number(body.seq), counted: countedOf(body), shipped: left.shipped });
    movements.set(id, left.movements);
    learn(categories, body);
  }
  const none: Counted = { units: {} };
  await saveDemands(tx, [...now.values()], demandChanges([...now].map(([key, { counted }]) => ({ was: was.get(key)?.counted ?? none, is: counted }))));
  await saveCategories(tx, [...categories.values()]);
  return movements;
}

/** Of several words about one SKU the latest order's stays. */
function learn(categories: Map<string, Categorised>, { orderId, placedAt, acceptedAt, lines }: OrderLinesRecorded): void {
  const toldAt = millis(placedAt ?? acceptedAt);
  for (const { sku, category } of lines) {
    const known = categories.get(sku);
    if (category !== undefined && (!known || known.toldAt < toldAt || (known.toldAt === toldAt && known.orderId < orderId))) categories.set(sku, { sku, category, toldAt, orderId });
  }
}
