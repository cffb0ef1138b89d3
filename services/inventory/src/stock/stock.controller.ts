import { Controller, Get, Param, Query } from '@nestjs/common';
import { ApiProperty, ApiTags } from '@nestjs/swagger';
import { Type } from 'class-transformer';
import { IsIn, IsInt, IsOptional, IsString, Length, Max, Min } from 'class-validator';

import { LARGEST_MINOR, iso } from '@yunke/kernel';
import { Db } from '@yunke/postgres';
import { Roles, cursorOf, placeOf, type Page } from '@yunke/service';

import type { Entry } from './book.js';
import { listLedger } from './ledger.store.js';
import { LEVEL_SORTS, listLevels, type LevelView } from './stock.store.js';

const KINDS = ['count', 'receipt', 'sale', 'return', 'adjustment', 'transfer', 'expected'];
const SORTS = Object.keys(LEVEL_SORTS);

class Paging {
  @ApiProperty({ required: false, default: 50 }) @IsOptional() @Type(() => Number) @IsInt() @Min(1) @Max(200) limit = 50;
  @ApiProperty({ required: false }) @IsOptional() @IsString() @Length(1, 2_000) after?: string;
}

export class ListLevels extends Paging {
  @ApiProperty({ required: false, example: 'TEA-100' }) @IsOptional() @IsString() @Length(1, 200) sku?: string;
  @ApiProperty({ required: false, example: 'main' }) @IsOptional() @IsString() @Length(1, 200) warehouse?: string;
  @ApiProperty({ required: false, description: 'Only levels with fewer units available.' }) @IsOptional() @Type(() => Number) @IsInt() @Min(-LARGEST_MINOR) @Max(LARGEST_MINOR) availableBelow?: number;
  @ApiProperty({ required: false, enum: SORTS, default: 'sku' }) @IsOptional() @IsIn(SORTS) sort: keyof typeof LEVEL_SORTS = 'sku';
  @ApiProperty({ required: false, enum: ['asc', 'desc'], default: 'asc' }) @IsOptional() @IsIn(['asc', 'desc']) order: 'asc' | 'desc' = 'asc';
}

export class ListLedger extends Paging {
  @ApiProperty({ required: false, enum: KINDS }) @IsOptional() @IsIn(KINDS) kind?: Entry['kind'];
}

/** One entry: `quantity` is what its source told, `delta` what it did to the level. */
type LedgerView = { readonly movementId: string; readonly source: string; readonly kind: Entry['kind']; readonly quantity: number; readonly delta: number; readonly occurredAt: string; readonly acceptedAt: string; readonly expectedAt?: string; readonly reason?: string };

@ApiTags('inventory')
@Controller('api/inventory/levels')
@Roles('viewer')
export class StockController {
  constructor(private readonly db: Db) {}

  @Get()
  async levels(@Query() { limit, after, sku, warehouse, availableBelow, sort, order }: ListLevels): Promise<Page<LevelView>> {
    const items = await listLevels(this.db, { limit, sort, order, ...(sku && { sku }), ...(warehouse && { warehouse }), ...(availableBelow !== undefined && { availableBelow }),
      ...(after && { after: placeOf(after, { value: sort === 'sku' ? 'text' : 'whole', sku: 'text', warehouse: 'text' }, { sort, order }) }) });
    const last = items.at(-1);
    return { items, ...(last && items.length === limit && { next: cursorOf({ sort, order, value: last[sort], sku: last.sku, warehouse: last.warehouse }) }) };
  }

  /** The ledger of a SKU in a warehouse, the last in sequence first; its deltas sum to the level. */
  @Get(':sku/:warehouse/ledger')
  async ledger(@Param('sku') sku: string, @Param('warehouse') warehouse: string, @Query() { limit, after, kind }: ListLedger): Promise<Page<LedgerView>> {
    const rows = await listLedger(this.db, { sku, warehouse, limit, ...(kind && { kind }), ...(after && { after: placeOf(after, { rank: 'whole', acceptedAt: 'whole', messageId: 'text', movementId: 'text' }) }) });
    const items = rows.map(({ booked: { place, occurredAt, expectedAt, note, ...booked } }): LedgerView =>
      ({ ...booked, occurredAt: iso(occurredAt), acceptedAt: iso(place[1]), ...(expectedAt !== undefined && { expectedAt: iso(expectedAt) }), ...(note !== undefined && { reason: note }) }));
    const last = rows.at(-1)?.booked;
    return { items, ...(last && items.length === limit && { next: cursorOf({ rank: last.place[0], acceptedAt: last.place[1], messageId: last.place[2], movementId: last.movementId }) }) };
  }
}
