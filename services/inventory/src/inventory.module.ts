import { Module } from '@nestjs/common';

import type { Service } from '@yunke/service';

import { Inventory1700000001005 } from './migrations/0001-inventory.js';
import { ReservationHandlers } from './reservation/reservation.handlers.js';
import { StockHandlers } from './stock/stock.handlers.js';

@Module({ controllers: [StockHandlers, ReservationHandlers] })
class InventoryModule {}

export const inventory: Service = { name: 'inventory', module: InventoryModule, routes: ['/api/inventory'], migrations: [Inventory1700000001005] };
