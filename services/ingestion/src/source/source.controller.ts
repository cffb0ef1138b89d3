import { Body, Controller, Delete, Get, Param, Post, Put, Query } from '@nestjs/common';
import { ApiProperty, ApiTags } from '@nestjs/swagger';
import { Type } from 'class-transformer';
import { IsBoolean, IsIn, IsInt, IsOptional, IsString, IsUUID, Length, Matches, Max, Min } from 'class-validator';

import { Db } from '@yunke/postgres';
import { Roles, cursorOf, placeOf, type Page } from '@yunke/service';

import { listKeys, listSources, makeKey, revokeKey, saveSource, type KeyKind, type Source, type WriteKey } from './source.store.js';

/** No colon: subjects and order ids begin with it. */
const SOURCE_ID = /^[a-z0-9][a-z0-9._-]{0,39}$/;

export class SourceSettings {
  @ApiProperty({ default: false, description: 'The source may send any past time; nothing it says alarms or sends a message.' }) @IsOptional() @IsBoolean() history = false;
}

export class NewKey {
  @ApiProperty({ enum: ['server', 'browser'] }) @IsIn(['server', 'browser']) kind!: KeyKind;
}

export class SourceId {
  @Matches(SOURCE_ID) id!: string;
}

export class KeyId extends SourceId {
  @IsUUID() key!: string;
}

export class ListSources {
  @ApiProperty({ required: false, default: 50 }) @IsOptional() @Type(() => Number) @IsInt() @Min(1) @Max(200) limit = 50;
  @ApiProperty({ required: false }) @IsOptional() @IsString() @Length(1, 500) after?: string;
}

@ApiTags('sources')
@Controller('api/sources')
@Roles('operator')
export class SourceController {
  constructor(private readonly db: Db) {}

  @Get()
  async list(@Query() { limit, after }: ListSources): Promise<Page<Source>> {
    const items = await listSources(this.db, limit, after ? placeOf(after, { id: 'text' }).id : '');
    return { items, ...(items.length === limit && { next: cursorOf({ id: items.at(-1)!.id }) }) };
  }

  @Put(':id')
  save(@Param() { id }: SourceId, @Body() { history }: SourceSettings): Promise<Source> {
    return saveSource(this.db, id, history);
  }

  /** The answer holds the key: it is shown this once. */
  @Post(':id/keys')
  makeKey(@Param() { id }: SourceId, @Body() { kind }: NewKey): Promise<WriteKey & { key: string }> {
    return makeKey(this.db, id, kind);
  }

  @Get(':id/keys')
  async keys(@Param() { id }: SourceId, @Query() { limit, after }: ListSources): Promise<Page<WriteKey>> {
    const items = await listKeys(this.db, id, limit, after ? placeOf(after, { id: 'text' }).id : '');
    return { items, ...(items.length === limit && { next: cursorOf({ id: items.at(-1)!.id }) }) };
  }

  /** Takes effect within ten seconds. */
  @Delete(':id/keys/:key')
  revoke(@Param() { id, key }: KeyId): Promise<WriteKey> {
    return revokeKey(this.db, id, key);
  }
}
