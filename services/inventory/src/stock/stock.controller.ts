import { Controller, Get, Param, Query } from '@nestjs/common';
import { ApiProperty, ApiTags } from '@nestjs/swagger';
import { Type } from 'class-transformer';
import { IsIn, IsInt, IsOptional, IsString, Length, Max, Min } from 'class-validator';

import { LARGEST_MINOR, iso } from '@yunke/kernel';
import { Db } from '@yunke/postgres';
import { Roles, type Page } from '@yunke/service';

import { Paging, SortField, SortOrder, nextOf, pageOf } from '../listing.controller.js';
import type { Sorted } from '../listing.js';
import type { Entry } from './book.js';
import { LEDGER, listLedger } from './ledger.store.js';
import { LEVELS, listLevels, type LevelView } from './stock.store.js';

const KINDS = ['count', 'receipt', 'sale', 'return', 'adjustment', 'transfer', 'expected'];

export class ListLevels extends Paging {
  @ApiProperty({ required: false, example: 'TEA-100' }) @IsOptional() @IsString() @Length(1, 200) sku?: string;
  @ApiProperty({ required: false, example: 'main' }) @IsOptional() @IsString() @Length(1, 200) warehouse?: string;
  @ApiProperty({ required: false, description: 'Only levels with fewer units available.' }) @IsOptional() @Type(() => Number) @IsInt() @Min(-LARGEST_MINOR) @Max(LARGEST_MINOR) availableBelow?: number;
  @SortField(LEVELS, 'sku') sort: Sorted<typeof LEVELS>['sort'] = 'sku';
  @SortOrder('asc') order: 'asc' | 'desc' = 'asc';
}

export class ListLedger extends Paging {
  @ApiProperty({ required: false, enum: KINDS }) @IsOptional() @IsIn(KINDS) kind?: Entry['kind'];
  @SortField(LEDGER, 'sequence') sort: Sorted<typeof LEDGER>['sort'] = 'sequence';
  @SortOrder('desc') order: 'asc' | 'desc' = 'desc';
}

/** One entry: `quantity` is what its source told, `delta` what it did to the level. */
type LedgerView = { readonly movementId: string; readonly source: string; readonly kind: Entry['kind']; readonly quantity: number; readonly delta: number; readonly occurredAt: string; readonly acceptedAt: string; readonly expectedAt?: string; readonly reason?: string };

@ApiTags('inventory')
@Controller('api/inventory/levels')
@Roles('viewer')
export class StockController {
  constructor(private readonly db: Db) {}

  @Get()
  async levels(@Query() query: ListLevels): Promise<Page<LevelView>> {
    const items = await listLevels(this.db, pageOf(LEVELS, query));
    return { items, ...nextOf(LEVELS, query, items) };
  }

  /** The ledger of a SKU in a warehouse, the last in sequence first, unless asked otherwise; its deltas sum to the level. */
  @Get(':sku/:warehouse/ledger')
  async ledger(@Param('sku') sku: string, @Param('warehouse') warehouse: string, @Query() query: ListLedger): Promise<Page<LedgerView>> {
    const rows = await listLedger(this.db, { ...pageOf(LEDGER, query), sku, warehouse });
    const items = rows.map(({ place, occurredAt, expectedAt, note, ...booked }): LedgerView =>
      ({ ...booked, occurredAt: iso(occurredAt), acceptedAt: iso(place[1]), ...(expectedAt !== undefined && { expectedAt: iso(expectedAt) }), ...(note !== undefined && { reason: note }) }));
    return { items, ...nextOf(LEDGER, query, rows.map(({ place: [sequence, acceptedAt, messageId], ...booked }) => ({ ...booked, sequence, acceptedAt, messageId }))) };
  }
}
