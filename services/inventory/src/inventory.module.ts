import { Module } from '@nestjs/common';

import type { Service } from '@yunke/service';

import { AlertController } from './alert/alert.controller.js';
import { AlertHandlers } from './alert/alert.handlers.js';
import { ThresholdController } from './alert/threshold.controller.js';
import { Inventory1700000001005 } from './migrations/0001-inventory.js';
import { ReservationController } from './reservation/reservation.controller.js';
import { ReservationHandlers } from './reservation/reservation.handlers.js';
import { SourceController } from './stock/source.controller.js';
import { StockController } from './stock/stock.controller.js';
import { StockHandlers } from './stock/stock.handlers.js';

@Module({ controllers: [StockHandlers, ReservationHandlers, AlertHandlers, StockController, SourceController, ReservationController, AlertController, ThresholdController] })
class InventoryModule {}

export const inventory: Service = { name: 'inventory', module: InventoryModule, routes: ['/api/inventory'], migrations: [Inventory1700000001005] };
