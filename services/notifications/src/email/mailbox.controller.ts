import { Controller, Get, Header, Query } from '@nestjs/common';
import { ApiProperty, ApiTags } from '@nestjs/swagger';
import { Type } from 'class-transformer';
import { IsInt, IsOptional, IsString, Length, Max, Min } from 'class-validator';

import { Db } from '@yunke/postgres';
import { Public, Roles, cursorOf, placeOf, type Page } from '@yunke/service';

import { MAILBOX_PAGE } from './mailbox.page.js';
import { list, type KeptMail } from './mailbox.store.js';

export class ListMail {
  @ApiProperty({ required: false, example: 'ada@example.com' }) @IsOptional() @IsString() @Length(1, 254) to?: string;
  @ApiProperty({ required: false, default: 50 }) @IsOptional() @Type(() => Number) @IsInt() @Min(1) @Max(200) limit = 50;
  @ApiProperty({ required: false }) @IsOptional() @IsString() @Length(1, 500) after?: string;
}

/** What the built-in mailbox took. */
@ApiTags('mailbox')
@Controller()
export class MailboxController {
  constructor(private readonly db: Db) {}

  /** The latest first. */
  @Get('api/notifications/mailbox') @Roles('operator')
  async list(@Query() { to, limit, after }: ListMail): Promise<Page<KeptMail>> {
    const items = await list(this.db, { limit, ...(to && { to }), ...(after && { before: placeOf(after, { id: 'digits' }).id }) });
    return { items, ...(items.length === limit && { next: cursorOf({ id: items.at(-1)!.id }) }) };
  }

  /** A page to read it with. It holds no mail: it asks the API, with the token that its reader gives it. */
  @Get('notifications/mailbox') @Public()
  @Header('content-type', 'text/html; charset=utf-8')
  @Header('content-security-policy', "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; connect-src 'self'; img-src https: data:; frame-src 'self'")
  page(): string {
    return MAILBOX_PAGE;
  }
}
