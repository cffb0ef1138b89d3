import { Controller, Get, Param, Query, Req } from '@nestjs/common';
import { ApiProperty, ApiTags } from '@nestjs/swagger';
import { Type } from 'class-transformer';
import { IsIn, IsInt, IsOptional, IsString, Length, Max, Min } from 'class-validator';

import { iso, present, type Millis } from '@yunke/kernel';
import { Db } from '@yunke/postgres';
import { Roles, cursorOf, placeOf, type Caller, type Page } from '@yunke/service';

import { callsOf, listCalls, type Call } from '../delivery/call.store.js';
import { STATES, type Intent, type State } from './intent.js';
import { find, list } from './intent.store.js';

class Paging {
  @ApiProperty({ required: false, default: 50 }) @IsOptional() @Type(() => Number) @IsInt() @Min(1) @Max(200) limit = 50;
  @ApiProperty({ required: false }) @IsOptional() @IsString() @Length(1, 500) after?: string;
}

export class ListIntents extends Paging {
  @ApiProperty({ required: false, enum: STATES }) @IsOptional() @IsIn(STATES) state?: State;
  @ApiProperty({ required: false, example: 'order-placed' }) @IsOptional() @IsString() @Length(1, 100) rule?: string;
  @ApiProperty({ required: false }) @IsOptional() @IsString() @Length(1, 100) profileId?: string;
}

export class ListCalls extends Paging {
  @ApiProperty({ required: false, enum: ['accepted', 'refused', 'busy', 'unclear'] }) @IsOptional() @IsIn(['accepted', 'refused', 'busy', 'unclear']) result?: Call['result'];
}

/** An intent as people read it. Whom it goes to is shown to operators. */
export type IntentView = Pick<Intent, 'id' | 'state' | 'why' | 'seen' | 'fact' | 'factId' | 'rule' | 'ruleVersion' | 'class' | 'channel' | 'template' | 'templateVersion' | 'language' | 'profileId' | 'attempts' | 'providerId' | 'bounced'>
  & { readonly wantedAt: string; readonly expiresAt: string; readonly waitsUntil?: string; readonly calledAt?: string; readonly endedAt?: string; readonly to?: string };

type Asked = { readonly caller?: Caller };

/** Every message that was wanted, what became of it, and why. */
@ApiTags('messages')
@Controller('api/notifications')
@Roles('viewer')
export class IntentController {
  constructor(private readonly db: Db) {}

  /** The latest first; `state=unknown` are those that may have been sent. */
  @Get('intents')
  async list(@Query() { limit, after, ...filter }: ListIntents, @Req() { caller }: Asked): Promise<Page<IntentView>> {
    const intents = await list(this.db, { ...filter, limit, ...(after && { after: placeOf(after, { at: 'instant', id: 'uuid' }) }) });
    const last = intents.at(-1);
    return { items: intents.map((intent) => viewOf(intent, caller)), ...(last && intents.length === limit && { next: cursorOf({ at: iso(last.wantedAt), id: last.id }) }) };
  }

  @Get('intents/:id')
  async get(@Param('id') id: string, @Req() { caller }: Asked): Promise<IntentView & { calls: Call[] }> {
    const intent = present(await find(this.db, id), 'intent.not_found');
    return { ...viewOf(intent, caller), calls: await callsOf(this.db, intent.id) };
  }

  /** Every call of a provider, the latest first. */
  @Get('deliveries')
  async calls(@Query() { limit, after, result }: ListCalls): Promise<Page<Call>> {
    const items = await listCalls(this.db, { limit, ...(result && { result }), ...(after && { after: placeOf(after, { at: 'instant', id: 'uuid', attempt: 'int' }) }) });
    const last = items.at(-1);
    return { items, ...(last && items.length === limit && { next: cursorOf({ at: last.calledAt.toISOString(), id: last.intentId, attempt: last.attempt }) }) };
  }
}

function viewOf(intent: Intent, caller: Caller | undefined): IntentView {
  const { id, state, why, seen, fact, factId, rule, ruleVersion, class: of, channel, template, templateVersion, language, profileId, attempts, providerId, bounced } = intent;
  const time = (name: string, at: Millis | null): object => (at === null ? {} : { [name]: iso(at) });
  const to = intent.target ?? intent.address ?? undefined;
  return { id, state, why, seen, fact, factId, rule, ruleVersion, class: of, channel, template, templateVersion, language, profileId, attempts, providerId, bounced, wantedAt: iso(intent.wantedAt), expiresAt: iso(intent.expiresAt),
    ...(state === 'waiting' && time('waitsUntil', intent.dueAt)), ...time('calledAt', intent.calledAt), ...time('endedAt', intent.endedAt), ...(caller?.role === 'operator' && to !== undefined && { to }) };
}
