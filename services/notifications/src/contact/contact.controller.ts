import { Body, Controller, Get, HttpCode, Post, Query } from '@nestjs/common';
import { ApiProperty, ApiTags } from '@nestjs/swagger';
import { Type } from 'class-transformer';
import { IsEmail, IsIn, IsInt, IsOptional, IsString, IsUUID, Length, Max, Min } from 'class-validator';

import { iso, present } from '@yunke/kernel';
import { say } from '@yunke/events';
import { Db } from '@yunke/postgres';
import { Roles, cursorOf, placeOf, type Page } from '@yunke/service';

import { markBounced } from '../intent/intent.store.js';
import { NotificationsConfig } from '../notifications.config.js';
import { changeContact } from './changing.worker.js';
import { CHANGES, contactId, type Change, type ContactPoint } from './contact.js';
import { find, list, listChanges, lockMany, type ContactChange } from './contact.store.js';

export class ListContacts {
  @ApiProperty({ enum: ['suppressed', 'unsubscribed'] }) @IsIn(['suppressed', 'unsubscribed']) which!: 'suppressed' | 'unsubscribed';
  @ApiProperty({ required: false, default: 50 }) @IsOptional() @Type(() => Number) @IsInt() @Min(1) @Max(200) limit = 50;
  @ApiProperty({ required: false }) @IsOptional() @IsString() @Length(1, 500) after?: string;
}

export class ListChanges {
  @ApiProperty({ required: false, default: 50 }) @IsOptional() @Type(() => Number) @IsInt() @Min(1) @Max(200) limit = 50;
  @ApiProperty({ required: false }) @IsOptional() @IsString() @Length(1, 500) after?: string;
}

export class ChangeContact {
  @ApiProperty({ example: 'ada@example.com' }) @IsEmail() @Length(3, 254) address!: string;
  @ApiProperty({ enum: CHANGES }) @IsIn([...CHANGES]) change!: Change;
}

const BOUNCES = { hard: 'bounced', complaint: 'complained', soft: undefined } as const;

export class ReportBounce {
  @ApiProperty({ description: 'The intent, which is also the first part of the Message-ID.' }) @IsUUID() intentId!: string;
  @ApiProperty({ enum: Object.keys(BOUNCES) }) @IsIn(Object.keys(BOUNCES)) kind!: keyof typeof BOUNCES;
  @ApiProperty({ example: '5.1.1' }) @IsString() @Length(1, 200) why!: string;
}

/** Addresses, and what was said about them: unsubscribed from marketing, or suppressed altogether. */
@ApiTags('contacts')
@Controller('api/notifications')
@Roles('operator')
export class ContactController {
  constructor(private readonly db: Db, private readonly config: NotificationsConfig) {}

  @Get('contacts')
  async list(@Query() { which, limit, after }: ListContacts): Promise<Page<ContactPoint>> {
    const items = await list(this.db, which, limit, after ? placeOf(after, { id: 'text' }).id : '');
    return { items, ...(items.length === limit && { next: cursorOf({ id: items.at(-1)!.id }) }) };
  }

  /** Every change, by whom and why, the latest first. */
  @Get('contacts/changes')
  async changes(@Query() { limit, after }: ListChanges): Promise<Page<ContactChange>> {
    const items = await listChanges(this.db, limit, after ? placeOf(after, { id: 'digits' }).id : undefined);
    return { items, ...(items.length === limit && { next: cursorOf({ id: items.at(-1)!.id }) }) };
  }

  /** An operator speaks for a person, or mends the suppression list. Repeated, it changes nothing. */
  @Post('contacts') @HttpCode(200)
  change(@Body() { address, change }: ChangeContact): Promise<ContactPoint> {
    const id = contactId(this.config.secret, address.toLowerCase());
    return this.db.tx(async (tx) => {
      await lockMany(tx, [{ id, address: address.toLowerCase() }]);
      await changeContact(tx, id, { change, by: 'operator', at: await tx.now(), cause: `request:${crypto.randomUUID()}`, ...(change === 'suppressed' && { why: 'operator' }) });
      return (await find(tx, id))!;
    });
  }

  /** A message came back, as the mail provider tells it. A hard bounce and a complaint suppress the address. Repeated, it changes nothing. */
  @Post('bounces') @HttpCode(200)
  async bounced(@Body() { intentId, kind, why }: ReportBounce): Promise<{ suppressed: boolean }> {
    return this.db.tx(async (tx) => {
      const intent = present(await markBounced(tx, intentId, kind), 'intent.not_found');
      const at = await tx.now();
      const cause = `bounce:${intentId}:${kind}`;
      if (intent.isNews) say(tx, [{ type: 'MessageBounced', cause, body: { intentId, effectiveAt: iso(at), acceptedAt: iso(at), cause: intent.factId, kind, why } }]);
      const reason = BOUNCES[kind];
      return { suppressed: reason !== undefined && intent.contactId !== null && (await changeContact(tx, intent.contactId, { change: 'suppressed', by: 'operator', why: reason, at, cause })) };
    });
  }
}
