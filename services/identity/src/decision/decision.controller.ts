import { Body, Controller, Delete, Get, Headers, Param, Post, Req } from '@nestjs/common';
import { ApiHeader, ApiProperty, ApiTags } from '@nestjs/swagger';
import { IsIn, IsOptional, IsString, Length } from 'class-validator';

import { say, voiceOf } from '@yunke/events';
import { Problem, iso, opaqueId, present, uuidv5, type Millis } from '@yunke/kernel';
import { Db, type Tx } from '@yunke/postgres';
import { Roles, type Caller } from '@yunke/service';

import type { Cause } from '../observation/observation.js';
import { lockGraph } from '../partition/graph.store.js';
import { KINDS, matterOf, type Decision, type Kind } from './decision.js';
import { apply, find, findByKey, insert, withdraw } from './decision.store.js';

export class Decide {
  @ApiProperty({ enum: KINDS }) @IsIn(KINDS) kind!: Kind;
  @ApiProperty({ required: false, example: 'shop:account:88123', description: 'One of a pair (link, cannot-link).' }) @IsOptional() @IsString() @Length(1, 400) a?: string;
  @ApiProperty({ required: false, example: 'pos-3:account:9', description: 'The other of a pair.' }) @IsOptional() @IsString() @Length(1, 400) b?: string;
  @ApiProperty({ required: false, example: 'shop:account:88123', description: 'Who does not carry the identifier (revoke).' }) @IsOptional() @IsString() @Length(1, 400) subject?: string;
  @ApiProperty({ required: false, example: 'phone', description: 'The identifier (revoke, lift).' }) @IsOptional() @IsString() @Length(1, 80) type?: string;
  @ApiProperty({ required: false, example: '+8613800138000', description: 'Of a type that two sources may use: <source>:<value>.' }) @IsOptional() @IsString() @Length(1, 600) value?: string;
  @ApiProperty({ example: 'The customer says that this is her husband’s phone.' }) @IsString() @Length(1, 500) reason!: string;
}

/** A decision as people read it. */
export type DecisionView = Omit<Decision, 'decidedAt' | 'withdrawnAt' | 'identifier'> & { readonly type?: string; readonly value?: string; readonly decidedAt: string; readonly withdrawnAt?: string };

type Request = { readonly caller: Caller };

@ApiTags('identity')
@Controller('api/identity/decisions')
@Roles('operator')
export class DecisionController {
  constructor(private readonly db: Db) {}

  /** Decides, and moves at once whoever moves by it. The same key again gives the same decision. */
  @Post()
  @ApiHeader({ name: 'idempotency-key', required: true })
  decide(@Headers('idempotency-key') key: string | undefined, @Body() asked: Decide, @Req() { caller }: Request): Promise<DecisionView> {
    if (!key) throw new Problem('invalid', 'idempotency.key_missing', 'Send a header Idempotency-Key, new for every decision.', { status: 400 });
    if (key.length > 200) throw new Problem('invalid', 'idempotency.key_invalid', 'An idempotency key has at most 200 characters.', { status: 400 });
    const matter = matterOf(asked);
    const text = JSON.stringify([asked.kind, asked.a, asked.b, asked.subject, asked.type, asked.value, asked.reason]);
    return this.db.tx(async (tx) => {
      await lockGraph(tx);
      const before = await findByKey(tx, key, text);
      if (before) return viewOf(before);
      const decision: Decision = { ...matter, id: uuidv5(`identity.decision|${key}`), reason: asked.reason, actor: caller.subject, decidedAt: await tx.now() };
      await insert(tx, decision, { key, text });
      await takeEffect(tx, decision, { id: decision.id, at: decision.decidedAt });
      return viewOf(decision);
    });
  }

  @Get(':id')
  async get(@Param('id') id: string): Promise<DecisionView> {
    return viewOf(present(await find(this.db, id), 'decision.not_found'));
  }

  /** Withdraws: everything is as if it had not been decided, whatever was heard since. */
  @Delete(':id')
  withdraw(@Param('id') id: string, @Req() { caller }: Request): Promise<DecisionView> {
    return this.db.tx(async (tx) => {
      await lockGraph(tx);
      const decision = present(await find(tx, id), 'decision.not_found');
      if (decision.withdrawnAt !== undefined) return viewOf(decision);
      const at = await tx.now();
      const withdrawn = await withdraw(tx, id, { actor: caller.subject, at });
      await takeEffect(tx, withdrawn, { id: `${id}/withdrawn`, at });
      return viewOf(withdrawn);
    });
  }
}

async function takeEffect(tx: Tx, decision: Decision, { id, at }: { id: string; at: Millis }): Promise<void> {
  const { secret } = voiceOf(tx.db);
  const cause: Cause = { id, place: 0, acceptedAt: at, occurredAt: at, history: false };
  say(tx, await apply(tx, decision, cause, (subject) => opaqueId(secret, 'subject', subject)));
}

export function viewOf({ identifier, decidedAt, withdrawnAt, ...rest }: Decision): DecisionView {
  return { ...rest, ...identifier, decidedAt: iso(decidedAt), ...(withdrawnAt !== undefined && { withdrawnAt: iso(withdrawnAt) }) };
}
