import { Controller } from '@nestjs/common';

import type { Tx } from '@yunke/postgres';
import { DAY } from '@yunke/kernel';
import { OnTimer, arm, causeOf, type Due } from '@yunke/timers';

import { pastsOf } from '../demand/demand.store.js';
import { dayOf, planOf } from '../demand/plan.js';
import { lose, type Reservation } from '../reservation/reservation.js';
import { findHolderSkus, newestHolders, saveReservations, skusWaitingBeside } from '../reservation/reservation.store.js';
import { availableOf, type Because, type Level } from '../stock/level.js';
import { settle } from '../stock/settle.handlers.js';
import { shelfKey, type StockChunk } from '../stock/stock-chunk.js';
import { openStock } from '../stock/stock.store.js';
import { OVERSOLD_GRACE_MS } from './watch.handlers.js';

const HOLDERS_AT_ONCE = 200;

/** What time alone brings about: plans, and the end of the grace for shelves that are oversold. */
@Controller()
export class AlertHandlers {
  /** A SKU's demand is computed anew when its day (UTC) is over, and its levels are judged by it. */
  @OnTimer('plan')
  async plan({ keys, until }: Due, tx: Tx): Promise<void> {
    const stock = await openStock(tx, keys);
    const due = keys.filter((key) => (stock.sku(key).planAt ?? Infinity) <= until);
    const today = dayOf(until);
    const planned = new Set<string>();
    for (const [key, past] of await pastsOf(tx, due, today)) {
      const sku = stock.sku(key);
      stock.setSku({ ...sku, plan: planOf(past), planAt: (today + 1) * DAY });
      const because: Because = { cause: causeOf('plan', key, sku.planAt!, sku.seq), acceptedAt: sku.planAt!, effectiveAt: sku.planAt!, reason: 'time' };
      for (const level of stock.levelsOf(key)) {
        stock.look(level, because);
        planned.add(shelfKey(level));
      }
    }
    await settle(tx, stock, { planned });
    await arm(tx, 'plan', keys.map((key) => ({ key, dueAt: stock.sku(key).planAt })));
  }

  /** Who was promised last loses first, until what is promised is there. */
  @OnTimer('oversold')
  async oversold({ keys, until }: Due, tx: Tx): Promise<void> {
    const stock = await openStock(tx, [...keys, ...await findHolderSkus(tx, keys, HOLDERS_AT_ONCE), ...await skusWaitingBeside(tx, keys)]);
    await arm(tx, 'oversold', keys.map((key) => ({ key, dueAt: undefined })));
    const oversold = new Set<string>();
    for (const level of keys.flatMap((key) => stock.levelsOf(key))) {
      const dueAt = (level.oversoldSince ?? Infinity) + OVERSOLD_GRACE_MS;
      if (dueAt > until) {
        if (level.oversoldSince !== undefined) await arm(tx, 'oversold', [{ key: level.sku, dueAt }]);
        continue;
      }
      const because: Because = { cause: causeOf('oversold', level.sku, dueAt, stock.sku(level.sku).seq), acceptedAt: dueAt, effectiveAt: dueAt, reason: 'time' };
      const holders = await newestHolders(tx, level.sku, level.warehouse, HOLDERS_AT_ONCE);
      const lost = loseNewest(stock, level, holders, because);
      await saveReservations(tx, lost);
      const { oversoldSince: _, ...told } = stock.level(level.sku, level.warehouse);
      const isLeft = availableOf(told) + told.lost < 0 && (holders.length > lost.length || holders.length === HOLDERS_AT_ONCE);
      if (isLeft) await arm(tx, 'oversold', [{ key: level.sku, dueAt: until }]);
      else stock.keep(told);
      stock.look(told, because);
      oversold.add(shelfKey(level));
    }
    await settle(tx, stock, { oversold });
  }
}

/** The newest promises that must go; an order that holds a SKU which is not locked is left to the next time. */
function loseNewest(stock: StockChunk, { sku, warehouse }: Level, holders: readonly Reservation[], because: Because): Reservation[] {
  const lost: Reservation[] = [];
  const locked = new Set(stock.skuNames());
  for (const holder of holders) {
    const level = stock.level(sku, warehouse);
    if (availableOf(level) + level.lost >= 0) break;
    if (holder.state === 'reserved' && holder.held.every((line) => locked.has(line.sku))) lost.push(lose(stock, holder, because));
  }
  return lost;
}
