import { Body, Controller, Delete, Get, HttpCode, Param, Post, Put, Query } from '@nestjs/common';
import { ApiProperty, ApiTags } from '@nestjs/swagger';
import { Type } from 'class-transformer';
import { ArrayMaxSize, ArrayUnique, IsArray, IsIn, IsInt, IsOptional, IsString, Length, Max, Min } from 'class-validator';

import { Problem, iso, present } from '@yunke/kernel';
import { Db } from '@yunke/postgres';
import { Roles, cursorOf, placeOf, type Page } from '@yunke/service';

import { NotificationsConfig } from '../notifications.config.js';
import { FACTS } from '../rule/fields.js';
import { whyRefused } from './egress.js';
import { OVERLAP, secretOf, type Endpoint } from './endpoint.js';
import { add, close, list, rotate, update } from './endpoint.store.js';

export class ListEndpoints {
  @ApiProperty({ required: false, default: 50 }) @IsOptional() @Type(() => Number) @IsInt() @Min(1) @Max(200) limit = 50;
  @ApiProperty({ required: false }) @IsOptional() @IsString() @Length(1, 500) after?: string;
}

export class SaveEndpoint {
  @ApiProperty({ example: 'https://hooks.example.com/yunke' }) @IsString() @Length(8, 2_000) url!: string;
  @ApiProperty({ required: false, enum: FACTS, isArray: true, description: 'Which facts; none: all that rules send.' }) @IsOptional() @IsArray() @ArrayMaxSize(100) @ArrayUnique() @IsIn([...FACTS], { each: true }) facts: string[] = [];
}

export type EndpointView = Pick<Endpoint, 'id' | 'url' | 'facts' | 'closedWhy'> & { readonly previousSecretUntil?: string };

/** Who takes facts by webhook (Standard Webhooks 1.0). A secret is shown when it is made, and never again. */
@ApiTags('webhooks')
@Controller('api/notifications/endpoints')
@Roles('operator')
export class EndpointController {
  constructor(private readonly db: Db, private readonly config: NotificationsConfig) {}

  @Get()
  async list(@Query() { limit, after }: ListEndpoints): Promise<Page<EndpointView>> {
    const items = await list(this.db, limit, after ? placeOf(after, { id: 'uuid' }).id : undefined);
    return { items: items.map(viewOf), ...(items.length === limit && { next: cursorOf({ id: items.at(-1)!.id }) }) };
  }

  @Post()
  async add(@Body() body: SaveEndpoint): Promise<EndpointView & { secret: string }> {
    const endpoint = await add(this.db, crypto.randomUUID(), this.#checked(body));
    return { ...viewOf(endpoint), secret: secretOf(this.config.secret, endpoint) };
  }

  /** Changes it, and opens it again when it was closed. */
  @Put(':id')
  async update(@Param('id') id: string, @Body() body: SaveEndpoint): Promise<EndpointView> {
    return viewOf(present(await update(this.db, id, this.#checked(body)), 'endpoint.not_found'));
  }

  /** A new secret; for a day the one before signs, too. */
  @Post(':id/rotate') @HttpCode(200)
  async rotate(@Param('id') id: string): Promise<EndpointView & { secret: string }> {
    const endpoint = present(await rotate(this.db, id, (await this.db.now()) + OVERLAP), 'endpoint.not_found');
    return { ...viewOf(endpoint), secret: secretOf(this.config.secret, endpoint) };
  }

  /** Closes it: what waits for it is dropped. */
  @Delete(':id')
  async close(@Param('id') id: string): Promise<EndpointView> {
    return viewOf(present(await close(this.db, id, 'operator'), 'endpoint.not_found'));
  }

  /** @throws url_forbidden */
  #checked({ url, facts }: SaveEndpoint): SaveEndpoint {
    const why = whyRefused(url, this.config.egressAllow);
    if (why !== undefined) throw new Problem('invalid', 'url_forbidden', why, { errors: [{ pointer: '/url', code: 'url_forbidden', message: why }] });
    return { url, facts };
  }
}

const viewOf = ({ id, url, facts, closedWhy, previousUntil }: Endpoint): EndpointView => ({ id, url, facts, closedWhy, ...(previousUntil !== null && { previousSecretUntil: iso(previousUntil) }) });
