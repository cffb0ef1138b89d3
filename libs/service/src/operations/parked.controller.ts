import { Body, Controller, Get, Post, Query } from '@nestjs/common';
import { ApiProperty, ApiTags } from '@nestjs/swagger';
import { Type } from 'class-transformer';
import { IsInt, IsOptional, IsString, Length, Max, Min } from 'class-validator';

import { listParked, type ParkedKey } from '@yunke/events';
import { present } from '@yunke/kernel';

import { Roles } from '../auth.js';
import type { RunningService } from '../service.js';
import { cursorOf, placeOf, type Page } from '../page.js';
import { ThisProcess } from './this-process.js';

export class ListParked {
  @ApiProperty({ example: 'orders' }) @IsString() @Length(1, 50) service!: string;
  @ApiProperty({ required: false, default: 50 }) @IsOptional() @Type(() => Number) @IsInt() @Min(1) @Max(200) limit = 50;
  @ApiProperty({ required: false }) @IsOptional() @IsString() @Length(1, 2_000) after?: string;
}

export class ReleaseParked {
  @ApiProperty({ example: 'orders' }) @IsString() @Length(1, 50) service!: string;
  @ApiProperty() @IsString() @Length(1, 200) topic!: string;
  @ApiProperty() @IsInt() @Min(0) partition!: number;
  @ApiProperty() @IsString() @Length(1, 500) key!: string;
}

/** Records that could not be heard, and everything behind them with the same key. */
@ApiTags('operations')
@Controller('api/operations/parked')
export class ParkedController {
  constructor(private readonly here: ThisProcess) {}

  @Get() @Roles('operator')
  async list(@Query() { service, limit, after }: ListParked): Promise<Page<ParkedKey>> {
    const items = await listParked(this.#of(service).db, limit, after ? placeOf(after, { topic: 'text', partition: 'int', key: 'text' }) : undefined);
    return { items, ...(items.length === limit && { next: cursorOf({ topic: items.at(-1)!.topic, partition: items.at(-1)!.partition, key: items.at(-1)!.key }) }) };
  }

  /** Hears the key's records again, in order. The answer says how many; what still stops it is the problem. */
  @Post('release') @Roles('operator')
  async release(@Body() { service, topic, partition, key }: ReleaseParked): Promise<{ released: number }> {
    const listener = present(this.#of(service).listener, 'parked.not_found');
    return { released: await listener.release({ topic, partition }, key) };
  }

  #of(name: string): RunningService {
    return present(this.here.services.find(({ service }) => service.name === name), 'service.not_found');
  }
}
