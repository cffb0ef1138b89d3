import { Controller, Get, Param, Query } from '@nestjs/common';
import { ApiProperty, ApiTags } from '@nestjs/swagger';
import { IsIn, IsOptional, IsString, Length } from 'class-validator';

import { iso, present } from '@yunke/kernel';
import { Db } from '@yunke/postgres';
import { Roles, type Page } from '@yunke/service';

import { Paging, SortField, SortOrder, nextOf, pageOf } from '../listing.controller.js';
import type { Sorted } from '../listing.js';
import type { Reservation } from './reservation.js';
import { RESERVATIONS, findMany, listReservations } from './reservation.store.js';

const STATES = ['reserved', 'backordered', 'lost', 'released', 'consumed'];

export class ListReservations extends Paging {
  @ApiProperty({ required: false, enum: STATES }) @IsOptional() @IsIn(STATES) state?: string;
  @ApiProperty({ required: false, description: 'Orders that hold or wait for it.' }) @IsOptional() @IsString() @Length(1, 200) sku?: string;
  @SortField(RESERVATIONS, 'since') sort: Sorted<typeof RESERVATIONS>['sort'] = 'since';
  @SortOrder('asc') order: 'asc' | 'desc' = 'asc';
}

type ReservationView = Omit<Reservation, 'since' | 'answeredAt' | 'seq'> & { readonly since: string; readonly answeredAt: string };

@ApiTags('inventory')
@Controller('api/inventory/reservations')
@Roles('viewer')
export class ReservationController {
  constructor(private readonly db: Db) {}

  /** By when their orders first asked, unless asked otherwise. */
  @Get()
  async list(@Query() query: ListReservations): Promise<Page<ReservationView>> {
    const rows = await listReservations(this.db, pageOf(RESERVATIONS, query));
    return { items: rows.map(viewOf), ...nextOf(RESERVATIONS, query, rows) };
  }

  @Get(':orderId')
  async get(@Param('orderId') orderId: string): Promise<ReservationView> {
    const [found] = await findMany(this.db, [orderId]);
    return viewOf(present(found, 'reservation.not_found'));
  }
}

const viewOf = ({ seq: _, since, answeredAt, ...reservation }: Reservation): ReservationView => ({ ...reservation, since: iso(since), answeredAt: iso(answeredAt) });
