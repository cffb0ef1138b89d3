import { Controller, Get, Query } from '@nestjs/common';
import { ApiProperty, ApiTags } from '@nestjs/swagger';
import { Transform } from 'class-transformer';
import { IsBoolean, IsIn, IsOptional, IsString, Length } from 'class-validator';

import { iso } from '@yunke/kernel';
import { Db } from '@yunke/postgres';
import { Roles, type Page } from '@yunke/service';

import { Paging, SortField, SortOrder, nextOf, pageOf } from '../listing.controller.js';
import type { Sorted } from '../listing.js';
import { ADVICE, ALERTS, listAdvice, listAlerts, type AdviceRow, type Alert } from './alert.store.js';

const ALERT_KINDS = ['shortage', 'overstock', 'oversold'];
const ADVICE_KINDS = ['order', 'promote'];

class ListShelves extends Paging {
  @ApiProperty({ required: false }) @IsOptional() @IsString() @Length(1, 200) sku?: string;
  @ApiProperty({ required: false }) @IsOptional() @IsString() @Length(1, 200) warehouse?: string;
}

export class ListAlerts extends ListShelves {
  @ApiProperty({ required: false, enum: ALERT_KINDS }) @IsOptional() @IsIn(ALERT_KINDS) kind?: string;
  @ApiProperty({ required: false, description: 'Only those that are open, or only those that are not.' }) @IsOptional() @Transform(({ value }) => ({ true: true, false: false })[String(value)] ?? value) @IsBoolean() open?: boolean;
  @SortField(ALERTS, 'openedAt') sort: Sorted<typeof ALERTS>['sort'] = 'openedAt';
  @SortOrder('desc') order: 'asc' | 'desc' = 'desc';
}

export class ListAdvice extends ListShelves {
  @ApiProperty({ required: false, enum: ADVICE_KINDS }) @IsOptional() @IsIn(ADVICE_KINDS) kind?: string;
  @SortField(ADVICE, 'actBy') sort: Sorted<typeof ADVICE>['sort'] = 'actBy';
  @SortOrder('asc') order: 'asc' | 'desc' = 'asc';
}

type AlertView = Omit<Alert, 'openedAt' | 'closedAt' | 'closedReason'> & { readonly openedAt: string; readonly closedAt?: string; readonly closedReason?: string };
type AdviceView = Omit<AdviceRow, 'actBy' | 'computedAt'> & { readonly actBy: string; readonly computedAt: string };

/** What needs somebody, and what to do about it; each with the figures behind it. */
@ApiTags('inventory')
@Controller('api/inventory')
@Roles('viewer')
export class AlertController {
  constructor(private readonly db: Db) {}

  /** The latest first, unless asked otherwise. */
  @Get('alerts')
  async alerts(@Query() query: ListAlerts): Promise<Page<AlertView>> {
    const rows = await listAlerts(this.db, pageOf(ALERTS, query));
    const items = rows.map(({ openedAt, closedAt, closedReason, ...alert }): AlertView => ({ ...alert, openedAt: iso(openedAt), ...(closedAt !== null && { closedAt: iso(closedAt) }), ...(closedReason !== null && { closedReason }) }));
    return { items, ...nextOf(ALERTS, query, rows) };
  }

  /** The most urgent first, unless asked otherwise. */
  @Get('advice')
  async advice(@Query() query: ListAdvice): Promise<Page<AdviceView>> {
    const rows = await listAdvice(this.db, pageOf(ADVICE, query));
    return { items: rows.map((row) => ({ ...row, actBy: iso(row.actBy), computedAt: iso(row.computedAt) })), ...nextOf(ADVICE, query, rows) };
  }
}
