import { Controller, Get, Param, Query } from '@nestjs/common';
import { ApiProperty, ApiTags } from '@nestjs/swagger';
import { Type } from 'class-transformer';
import { IsIn, IsInt, IsOptional, IsString, Length, Max, Min } from 'class-validator';

import type { OrderState } from '@yunke/contracts';
import { iso, present } from '@yunke/kernel';
import { Db } from '@yunke/postgres';
import { Roles, cursorOf, placeOf, type Page } from '@yunke/service';

import { reached, refunds, stateOf, type Line, type Order } from './order.js';
import { count, find, list, type OrderCounts } from './order.store.js';

const STATUSES = ['unknown', 'placed', 'reviewed', 'paid', 'allocated', 'picked', 'packed', 'shipped', 'in_transit', 'out_for_delivery', 'delivered', 'completed', 'cancelled', 'returned', 'refunded', 'backordered'];

export class ListOrders {
  @ApiProperty({ required: false, example: 'shop:account:88123' }) @IsOptional() @IsString() @Length(1, 400) subject?: string;
  @ApiProperty({ required: false, enum: STATUSES }) @IsOptional() @IsIn(STATUSES) status?: string;
  @ApiProperty({ required: false, default: 50 }) @IsOptional() @Type(() => Number) @IsInt() @Min(1) @Max(200) limit = 50;
  @ApiProperty({ required: false }) @IsOptional() @IsString() @Length(1, 2_000) after?: string;
}

export class CountOrders {
  @ApiProperty({ required: false, example: 'shop' }) @IsOptional() @IsString() @Length(1, 40) source?: string;
}

/** A refund in another currency than its order's: it lowers nothing of the order. */
type ForeignRefund = { readonly returnId: string; readonly at: string; readonly amountMinor: string; readonly currency: string };

/** An order as people read it: what it amounts to, its milestones, its lines, and what was last asked of inventory. */
export type OrderView = OrderState & { readonly orderId: string; readonly milestones: Record<string, string>; readonly foreignRefunds: readonly ForeignRefund[]; readonly reservation?: { readonly ask: number; readonly wants: string; readonly because: string; readonly lapsesAt?: string }; readonly lines: readonly (Line & { readonly lineId: string })[] };

@ApiTags('orders')
@Controller('api/orders')
@Roles('viewer')
export class OrderController {
  constructor(private readonly db: Db) {}

  /** The latest placed first. */
  @Get()
  async list(@Query() { subject, status, limit, after }: ListOrders): Promise<Page<OrderView>> {
    const orders = await list(this.db, { limit, ...(subject && { subject }), ...(status && { status }), ...(after && { after: placeOf(after, { placedAt: 'instant', id: 'text' }) }) });
    const items = orders.map(viewOf);
    const last = items.at(-1);
    return { items, ...(last && items.length === limit && { next: cursorOf({ placedAt: last.placedAt ?? '-infinity', id: last.orderId }) }) };
  }

  /** How many there are, and how many name nobody. */
  @Get('counts')
  counts(@Query() { source }: CountOrders): Promise<OrderCounts> {
    return count(this.db, source);
  }

  @Get(':id')
  async get(@Param('id') id: string): Promise<OrderView> {
    return viewOf(present(await find(this.db, id), 'order.not_found'));
  }
}

function viewOf(order: Order): OrderView {
  const milestones = Object.fromEntries(Object.entries(reached(order)).map(([milestone, at]) => [milestone, iso(at)]));
  const foreignRefunds = refunds(order).foreign.map(({ returnId, at, amountMinor, currency }) => ({ returnId, at: iso(at), amountMinor: String(amountMinor), currency: currency! }));
  const reservation = order.saga && { ask: order.saga.ask, wants: order.saga.wants, because: order.saga.because, ...(order.saga.lapsesAt !== undefined && { lapsesAt: iso(order.saga.lapsesAt) }) };
  return { orderId: order.id, ...stateOf(order), milestones, foreignRefunds, ...(reservation && { reservation }), lines: Object.entries(order.lines).map(([lineId, [line]]) => ({ lineId, ...line })) };
}
