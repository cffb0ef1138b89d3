import { Body, Controller, Get, Put } from '@nestjs/common';
import { ApiProperty, ApiTags } from '@nestjs/swagger';
import { Type } from 'class-transformer';
import { ArrayMaxSize, IsArray, IsIn, IsInt, IsObject, IsOptional, Matches, Max, Min, ValidateNested } from 'class-validator';

import { Problem } from '@yunke/kernel';
import { Db } from '@yunke/postgres';
import { Roles } from '@yunke/service';

import type { Policy } from './policy.js';
import { policyInForce, save } from './policy.store.js';

export class SetCap {
  @ApiProperty({ enum: ['marketing'] }) @IsIn(['marketing']) class!: 'marketing';
  @ApiProperty() @IsInt() @Min(0) @Max(1_000) most!: number;
  @ApiProperty() @IsInt() @Min(1) @Max(720) withinHours!: number;
}

export class SetQuietHours {
  @ApiProperty({ example: '21:00' }) @Matches(/^([01]\d|2[0-3]):[0-5]\d$/) from!: string;
  @ApiProperty({ example: '09:00' }) @Matches(/^([01]\d|2[0-3]):[0-5]\d$/) to!: string;
}

export class SetPolicy {
  @ApiProperty({ type: [SetCap] }) @IsArray() @ArrayMaxSize(10) @ValidateNested({ each: true }) @Type(() => SetCap) caps!: SetCap[];
  @ApiProperty({ required: false, description: 'On the clock of each person; absent: none.' }) @IsOptional() @IsObject() @ValidateNested() @Type(() => SetQuietHours) quietHours?: SetQuietHours;
}

/** What holds for marketing to everybody: caps and quiet hours. */
@ApiTags('messages')
@Controller('api/notifications/policy')
@Roles('viewer')
export class PolicyController {
  constructor(private readonly db: Db) {}

  @Get()
  get(): Promise<Policy> {
    return policyInForce(this.db);
  }

  /** Puts it in force for whatever is decided from now on. */
  @Put() @Roles('operator')
  set(@Body() { caps, quietHours }: SetPolicy): Promise<Policy> {
    if (quietHours?.from === quietHours?.to && quietHours) throw new Problem('invalid', 'policy.always_quiet', 'Quiet hours that begin when they end leave no time to write.');
    return this.db.tx((tx) => save(tx, { caps: caps.map((cap) => ({ ...cap })), quietHours: quietHours ? { from: quietHours.from, to: quietHours.to } : null }));
  }
}
