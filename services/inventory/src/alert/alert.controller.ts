import { Controller, Get, Query } from '@nestjs/common';
import { ApiProperty, ApiTags } from '@nestjs/swagger';
import { Transform, Type } from 'class-transformer';
import { IsBoolean, IsIn, IsInt, IsOptional, IsString, Length, Max, Min } from 'class-validator';

import { iso } from '@yunke/kernel';
import { Db } from '@yunke/postgres';
import { Roles, cursorOf, placeOf, type Page } from '@yunke/service';

import { listAdvice, listAlerts, type AdviceRow, type Alert } from './alert.store.js';

const ALERTS = ['shortage', 'overstock', 'oversold'];
const ADVICE = ['order', 'promote'];

class ListShelves {
  @ApiProperty({ required: false }) @IsOptional() @IsString() @Length(1, 200) sku?: string;
  @ApiProperty({ required: false }) @IsOptional() @IsString() @Length(1, 200) warehouse?: string;
  @ApiProperty({ required: false, default: 50 }) @IsOptional() @Type(() => Number) @IsInt() @Min(1) @Max(200) limit = 50;
  @ApiProperty({ required: false }) @IsOptional() @IsString() @Length(1, 2_000) after?: string;
}

export class ListAlerts extends ListShelves {
  @ApiProperty({ required: false, enum: ALERTS }) @IsOptional() @IsIn(ALERTS) kind?: string;
  @ApiProperty({ required: false, description: 'Only those that are open, or only those that are not.' }) @IsOptional() @Transform(({ value }) => ({ true: true, false: false })[String(value)] ?? value) @IsBoolean() open?: boolean;
}

export class ListAdvice extends ListShelves {
  @ApiProperty({ required: false, enum: ADVICE }) @IsOptional() @IsIn(ADVICE) kind?: string;
}

type AlertView = Omit<Alert, 'openedAt' | 'closedAt' | 'closedReason'> & { readonly openedAt: string; readonly closedAt?: string; readonly closedReason?: string };
type AdviceView = Omit<AdviceRow, 'actBy' | 'computedAt'> & { readonly actBy: string; readonly computedAt: string };

/** What needs somebody, and what to do about it; each with the figures behind it. */
@ApiTags('inventory')
@Controller('api/inventory')
@Roles('viewer')
export class AlertController {
  constructor(private readonly db: Db) {}

  /** The latest first. */
  @Get('alerts')
  async alerts(@Query() { after, limit, ...filter }: ListAlerts): Promise<Page<AlertView>> {
    const rows = await listAlerts(this.db, { ...filter, limit, ...(after && { after: placeOf(after, { at: 'whole', id: 'uuid' }) }) });
    const last = rows.at(-1);
    const items = rows.map(({ openedAt, closedAt, closedReason, ...alert }): AlertView => ({ ...alert, openedAt: iso(openedAt), ...(closedAt !== null && { closedAt: iso(closedAt) }), ...(closedReason !== null && { closedReason }) }));
    return { items, ...(last && rows.length === limit && { next: cursorOf({ at: last.openedAt, id: last.id }) }) };
  }

  /** The most urgent first. */
  @Get('advice')
  async advice(@Query() { after, limit, ...filter }: ListAdvice): Promise<Page<AdviceView>> {
    const rows = await listAdvice(this.db, { ...filter, limit, ...(after && { after: placeOf(after, { actBy: 'whole', sku: 'text', warehouse: 'text' }) }) });
    const last = rows.at(-1);
    return { items: rows.map((row) => ({ ...row, actBy: iso(row.actBy), computedAt: iso(row.computedAt) })), ...(last && rows.length === limit && { next: cursorOf({ actBy: last.actBy, sku: last.sku, warehouse: last.warehouse }) }) };
  }
}
