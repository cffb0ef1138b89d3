import { Controller, Get, Param, Query } from '@nestjs/common';
import { ApiProperty, ApiTags } from '@nestjs/swagger';
import { Type } from 'class-transformer';
import { IsIn, IsInt, IsOptional, IsString, Length, Max, Min } from 'class-validator';

import { iso, present } from '@yunke/kernel';
import { Db } from '@yunke/postgres';
import { Roles, cursorOf, placeOf, type Page } from '@yunke/service';

import type { Reservation } from './reservation.js';
import { findMany, listReservations } from './reservation.store.js';

const STATES = ['reserved', 'backordered', 'lost', 'released', 'consumed'];

export class ListReservations {
  @ApiProperty({ required: false, enum: STATES }) @IsOptional() @IsIn(STATES) state?: string;
  @ApiProperty({ required: false, description: 'Orders that hold or wait for it.' }) @IsOptional() @IsString() @Length(1, 200) sku?: string;
  @ApiProperty({ required: false, enum: ['asc', 'desc'], default: 'asc', description: 'By when the order first asked.' }) @IsOptional() @IsIn(['asc', 'desc']) order: 'asc' | 'desc' = 'asc';
  @ApiProperty({ required: false, default: 50 }) @IsOptional() @Type(() => Number) @IsInt() @Min(1) @Max(200) limit = 50;
  @ApiProperty({ required: false }) @IsOptional() @IsString() @Length(1, 2_000) after?: string;
}

type ReservationView = Omit<Reservation, 'since' | 'answeredAt' | 'seq'> & { readonly since: string; readonly answeredAt: string };

@ApiTags('inventory')
@Controller('api/inventory/reservations')
@Roles('viewer')
export class ReservationController {
  constructor(private readonly db: Db) {}

  @Get()
  async list(@Query() { state, sku, order, limit, after }: ListReservations): Promise<Page<ReservationView>> {
    const rows = await listReservations(this.db, { order, limit, ...(state && { state }), ...(sku && { sku }), ...(after && { after: placeOf(after, { since: 'whole', orderId: 'text' }, { order }) }) });
    const last = rows.at(-1);
    return { items: rows.map(viewOf), ...(last && rows.length === limit && { next: cursorOf({ order, since: last.since, orderId: last.orderId }) }) };
  }

  @Get(':orderId')
  async get(@Param('orderId') orderId: string): Promise<ReservationView> {
    const [found] = await findMany(this.db, [orderId]);
    return viewOf(present(found, 'reservation.not_found'));
  }
}

const viewOf = ({ seq: _, since, answeredAt, ...reservation }: Reservation): ReservationView => ({ ...reservation, since: iso(since), answeredAt: iso(answeredAt) });
