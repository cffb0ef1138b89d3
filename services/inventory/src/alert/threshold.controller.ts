import { Body, Controller, Delete, Get, Put, Query } from '@nestjs/common';
import { ApiProperty, ApiTags } from '@nestjs/swagger';
import { IsIn, IsInt, IsOptional, IsString, Length, Max, Min } from 'class-validator';

import { LARGEST_MINOR, Problem } from '@yunke/kernel';
import { Db, type Tx } from '@yunke/postgres';
import { Roles, cursorOf, placeOf, type Page } from '@yunke/service';
import { arm } from '@yunke/timers';

import { Paging } from '../listing.controller.js';
import { dropThreshold, listThresholds, planAt, saveThreshold, skusIn } from './alert.store.js';
import type { Scope, ServiceLevel, Threshold } from './threshold.js';

export class ThresholdScope {
  @ApiProperty({ required: false, description: 'Empty: any.' }) @IsOptional() @IsString() @Length(0, 200) sku = '';
  @ApiProperty({ required: false, description: 'Empty: any.' }) @IsOptional() @IsString() @Length(0, 200) category = '';
  @ApiProperty({ required: false, description: 'Empty: any.' }) @IsOptional() @IsString() @Length(0, 200) warehouse = '';
}

export class ThresholdSettings extends ThresholdScope {
  @ApiProperty({ required: false, description: 'Units; instead of the computed reorder point.' }) @IsOptional() @IsInt() @Min(0) @Max(LARGEST_MINOR / 10) reorderPoint?: number;
  @ApiProperty({ required: false, default: 7 }) @IsOptional() @IsInt() @Min(1) @Max(365) leadTimeDays?: number;
  @ApiProperty({ required: false, enum: [95, 97, 99], default: 95 }) @IsOptional() @IsIn([95, 97, 99]) serviceLevel?: ServiceLevel;
  @ApiProperty({ required: false, default: 90 }) @IsOptional() @IsInt() @Min(1) @Max(3_650) targetCoverDays?: number;
}

/** Thresholds by SKU, category and warehouse: the narrowest scope that says something wins, field by field. */
@ApiTags('inventory')
@Controller('api/inventory/thresholds')
export class ThresholdController {
  constructor(private readonly db: Db) {}

  @Get() @Roles('viewer')
  async list(@Query() { limit, after }: Paging): Promise<Page<Threshold>> {
    const items = await listThresholds(this.db, limit, after ? placeOf(after, { sku: 'text', category: 'text', warehouse: 'text' }) : undefined);
    const last = items.at(-1);
    return { items, ...(last && items.length === limit && { next: cursorOf({ sku: last.sku, category: last.category, warehouse: last.warehouse }) }) };
  }

  /** Replaces what a scope says; the levels that it speaks of are judged anew at once. */
  @Put() @Roles('operator')
  async save(@Body() { sku, category, warehouse, ...said }: ThresholdSettings): Promise<Threshold> {
    const threshold: Threshold = { sku, category, warehouse, reorderPoint: said.reorderPoint ?? null, leadTimeDays: said.leadTimeDays ?? null, serviceLevel: said.serviceLevel ?? null, targetCoverDays: said.targetCoverDays ?? null };
    await this.db.tx(async (tx) => {
      await saveThreshold(tx, threshold);
      await judgeAnew(tx, threshold);
    });
    return threshold;
  }

  /** What a scope said is said no more. */
  @Delete() @Roles('operator')
  async drop(@Query() scope: ThresholdScope): Promise<Scope> {
    await this.db.tx(async (tx) => {
      if (!await dropThreshold(tx, scope)) throw new Problem('not_found', 'threshold.not_found', 'There is no such threshold.');
      await judgeAnew(tx, scope);
    });
    return scope;
  }
}

/** The plans of the SKUs that a scope speaks of fall due now, and their levels are judged by the thresholds as they are then. */
async function judgeAnew(tx: Tx, scope: Scope): Promise<void> {
  const [skus, now] = [await skusIn(tx, scope), await tx.now()];
  await planAt(tx, skus, now);
  await arm(tx, 'plan', skus.map((key) => ({ key, dueAt: now })));
}
