import { Module } from '@nestjs/common';

import { Db } from '@yunke/postgres';
import { Sweeper, type Service } from '@yunke/service';

import { AlertController } from './alert/alert.controller.js';
import { AlertHandlers } from './alert/alert.handlers.js';
import { forgetClosed } from './alert/alert.store.js';
import { ThresholdController } from './alert/threshold.controller.js';
import { InventoryConfig } from './inventory.config.js';
import { Inventory1700000001005 } from './migrations/0001-inventory.js';
import { Ended1700000001006 } from './migrations/0002-ended.js';
import { ReservationController } from './reservation/reservation.controller.js';
import { ReservationHandlers } from './reservation/reservation.handlers.js';
import { forgetEnded } from './reservation/reservation.store.js';
import { SourceController } from './stock/source.controller.js';
import { StockController } from './stock/stock.controller.js';
import { StockHandlers } from './stock/stock.handlers.js';

/** The ledger stays for good: its deltas sum to the levels, and what repeats one of its movements changes nothing, however late. */
const sweeper = { provide: Sweeper, inject: [Db, InventoryConfig], useFactory: (db: Db, { endedDays }: InventoryConfig) => new Sweeper(db, endedDays, [forgetClosed, forgetEnded]) };

@Module({ controllers: [StockHandlers, ReservationHandlers, AlertHandlers, StockController, SourceController, ReservationController, AlertController, ThresholdController], providers: [sweeper] })
class InventoryModule {}

export const inventory: Service = { name: 'inventory', module: InventoryModule, config: InventoryConfig, routes: ['/api/inventory'], migrations: [Inventory1700000001005, Ended1700000001006] };
