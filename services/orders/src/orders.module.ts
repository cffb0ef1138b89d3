import { Module } from '@nestjs/common';

import type { Service } from '@yunke/service';

import { Orders1700000001001 } from './migrations/0001-orders.js';
import { OrderController } from './order/order.controller.js';
import { OrderHandlers } from './order/order.handlers.js';
import { ReservationHandlers } from './order/reservation.handlers.js';
import { TimeHandlers } from './order/time.handlers.js';
import { OrdersConfig } from './orders.config.js';
import { ReturnHandlers } from './return/return.handlers.js';

@Module({ controllers: [OrderHandlers, ReservationHandlers, TimeHandlers, ReturnHandlers, OrderController] })
class OrdersModule {}

export const orders: Service = { name: 'orders', module: OrdersModule, routes: ['/api/orders'], config: OrdersConfig, migrations: [Orders1700000001001] };
