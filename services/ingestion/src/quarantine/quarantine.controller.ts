import { Body, Controller, Delete, Get, HttpCode, Param, Post, Query } from '@nestjs/common';
import { ApiProperty, ApiTags } from '@nestjs/swagger';
import { Type } from 'class-transformer';
import { IsInt, IsObject, IsOptional, IsString, Length, Max, Min } from 'class-validator';

import { Problem, clockOffset, present } from '@yunke/kernel';
import { Db } from '@yunke/postgres';
import { Roles, cursorOf, placeOf, type Page } from '@yunke/service';

import { Accepter } from '../intake/accepter.worker.js';
import type { Door, Item, Outcome } from '../intake/item.js';
import { readNative } from '../intake/native.js';
import { readSegment } from '../intake/segment.js';
import { end, find, listHeld, type Quarantined } from './quarantine.store.js';

export class ListHeld {
  @ApiProperty({ required: false }) @IsOptional() @IsString() @Length(1, 40) source?: string;
  @ApiProperty({ required: false, example: 'timestamp_out_of_range' }) @IsOptional() @IsString() @Length(1, 100) code?: string;
  @ApiProperty({ required: false, default: 50 }) @IsOptional() @Type(() => Number) @IsInt() @Min(1) @Max(200) limit = 50;
  @ApiProperty({ required: false }) @IsOptional() @IsString() @Length(1, 500) after?: string;
}

export class Replay {
  @ApiProperty({ required: false, description: 'The mended item; absent: as it came. Its message id stays.' }) @IsOptional() @IsObject() item?: Record<string, unknown>;
}

/** What the door refused. Nothing is lost: an item can be mended and replayed under its own message id, or discarded. */
@ApiTags('quarantine')
@Controller('api/quarantine')
@Roles('operator')
export class QuarantineController {
  constructor(private readonly db: Db, private readonly accepter: Accepter) {}

  @Get()
  async list(@Query() { source, code, limit, after }: ListHeld): Promise<Page<Quarantined>> {
    const items = await listHeld(this.db, { limit, after: after ? placeOf(after, { id: 'digits' }).id : '0', ...(source && { source }), ...(code && { code }) });
    return { items, ...(items.length === limit && { next: cursorOf({ id: items.at(-1)!.id }) }) };
  }

  /** Reads the item again and stores it. What is still wrong with it is the problem, and it stays held. */
  @Post(':id/replay') @HttpCode(200)
  async replay(@Param('id') id: string, @Body() { item: mended }: Replay): Promise<Outcome> {
    const held = present(await find(this.db, id), 'quarantine.not_found');
    if (held.state !== 'held') throw new Problem('conflict', 'quarantine.ended', `This item was ${held.state}.`);
    const { history } = (await this.db.query<{ history: boolean }>('select history from sources where id = $1', [held.source]))[0]!;
    const door: Door = { source: held.source, kind: held.kind, history, receivedAt: Date.now() + clockOffset() };
    const raw = mended === undefined ? held.raw : { ...mended, ...(held.messageId !== null && held.code !== 'message_id_reused' && { messageId: held.messageId }) };
    const item: Item = held.dialect === 'native' ? readNative(raw, door) : readSegment(raw, door);
    if ('faults' in item) throw new Problem('invalid', item.faults[0]!.code, 'The item is still not right.', { errors: [...item.faults] });
    const [outcome] = await this.accepter.accept({ door, dialect: held.dialect, items: [item] });
    if (outcome!.status === 'quarantined') throw new Problem('invalid', outcome!.code!, 'The item is still not right.', { errors: [...outcome!.errors!] });
    await end(this.db, id, 'replayed');
    return outcome!;
  }

  @Delete(':id')
  async discard(@Param('id') id: string): Promise<{ discarded: boolean }> {
    present(await find(this.db, id), 'quarantine.not_found');
    return { discarded: await end(this.db, id, 'discarded') };
  }
}
