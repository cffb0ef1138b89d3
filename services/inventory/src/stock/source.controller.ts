import { Body, Controller, Get, Param, Put } from '@nestjs/common';
import { ApiProperty, ApiTags } from '@nestjs/swagger';
import { IsBoolean, IsString, Length, Matches } from 'class-validator';

import { Db } from '@yunke/postgres';
import { Roles } from '@yunke/service';

import { listSources, saveSource, type StockSource } from './source.store.js';

export class StockSourceSettings {
  @ApiProperty({ description: 'The source sends no stock of its own: its orders move stock when they are shipped. Takes effect for what is heard from then on.' }) @IsBoolean() fromOrders!: boolean;
  @ApiProperty({ example: 'main', description: 'Where its goods leave from, unless they were set aside elsewhere.' }) @IsString() @Length(1, 200) warehouse!: string;
}

export class StockSourceId {
  @Matches(/^[a-z0-9][a-z0-9._-]{0,39}$/) source!: string;
}

/** Which sources' shipped orders move stock. */
@ApiTags('inventory')
@Controller('api/inventory/sources')
export class SourceController {
  constructor(private readonly db: Db) {}

  /** All of them: there are as many as shops. */
  @Get() @Roles('viewer')
  async list(): Promise<{ items: StockSource[] }> {
    return { items: await listSources(this.db) };
  }

  @Put(':source') @Roles('operator')
  save(@Param() { source }: StockSourceId, @Body() { fromOrders, warehouse }: StockSourceSettings): Promise<StockSource> {
    return saveSource(this.db, { source, fromOrders, warehouse });
  }
}
