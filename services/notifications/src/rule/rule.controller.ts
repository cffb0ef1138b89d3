import { Body, Controller, Get, Param, Put, Query } from '@nestjs/common';
import { ApiProperty, ApiTags } from '@nestjs/swagger';
import { Type } from 'class-transformer';
import { IsBoolean, IsIn, IsInt, IsObject, IsOptional, IsString, Length, Matches, Max, Min } from 'class-validator';

import { Problem, present } from '@yunke/kernel';
import { Db } from '@yunke/postgres';
import { Roles, cursorOf, placeOf, type Page } from '@yunke/service';

import { newest } from '../template/template.store.js';
import { FACTS, fieldsOf, sampleOf } from './fields.js';
import { AUDIENCES, CHANNELS, CLASSES, checkedRule, type Rule } from './rule.js';
import { find, list, save } from './rule.store.js';

export class ListRules {
  @ApiProperty({ required: false, default: 50 }) @IsOptional() @Type(() => Number) @IsInt() @Min(1) @Max(200) limit = 50;
  @ApiProperty({ required: false }) @IsOptional() @IsString() @Length(1, 500) after?: string;
}

export class SaveRule {
  @ApiProperty({ enum: FACTS }) @IsIn([...FACTS]) fact!: string;
  @ApiProperty({ required: false, example: { field: 'segment', is: 'value.high' } }) @IsOptional() @IsObject() condition?: object;
  @ApiProperty({ enum: CHANNELS }) @IsIn([...CHANNELS]) channel!: Rule['channel'];
  @ApiProperty({ enum: AUDIENCES }) @IsIn([...AUDIENCES]) audience!: Rule['audience'];
  @ApiProperty({ enum: CLASSES }) @IsIn([...CLASSES]) class!: Rule['class'];
  @ApiProperty({ required: false, example: 'order-placed' }) @IsOptional() @Matches(/^[a-z0-9][a-z0-9-]{0,99}$/) template?: string;
  @ApiProperty({ description: 'How long after the fact a message is still of use.' }) @IsInt() @Min(1) @Max(43_200) expiresAfterMinutes!: number;
  @ApiProperty({ required: false, default: 50, description: 'Of messages that wait, the larger goes first.' }) @IsOptional() @IsInt() @Min(0) @Max(1_000) priority = 50;
  @ApiProperty({ required: false, default: true }) @IsOptional() @IsBoolean() active = true;
}

/** Which fact leads to which message. */
@ApiTags('messages')
@Controller('api/notifications')
@Roles('viewer')
export class RuleController {
  constructor(private readonly db: Db) {}

  @Get('rules')
  async list(@Query() { limit, after }: ListRules): Promise<Page<Rule>> {
    const items = await list(this.db, limit, after ? placeOf(after, { id: 'text' }).id : '');
    return { items, ...(items.length === limit && { next: cursorOf({ id: items.at(-1)!.id }) }) };
  }

  /** The facts that rules may be about, with the fields that conditions and templates may name, and an example of each. */
  @Get('facts')
  facts(): { items: { fact: string; fields: string[]; example: object }[] } {
    return { items: FACTS.map((fact) => ({ fact, fields: [...fieldsOf(fact)], example: sampleOf(fact) })) };
  }

  @Get('rules/:id')
  async get(@Param('id') id: string): Promise<Rule> {
    return present(await find(this.db, id), 'rule.not_found');
  }

  /** Saves a rule as its next version; it holds for facts that are heard from now on. */
  @Put('rules/:id') @Roles('operator')
  save(@Param('id') id: string, @Body() body: SaveRule): Promise<Rule> {
    if (!/^[a-z0-9][a-z0-9-]{0,99}$/.test(id)) throw new Problem('invalid', 'rule.name_invalid', 'A rule is named by small letters, digits and hyphens.');
    const rule = checkedRule({ id, ...body });
    return this.db.tx(async (tx) => {
      if (rule.template !== undefined) {
        const template = (await newest(tx, [rule.template])).get(rule.template);
        const message = !template ? 'There is no such template.' : template.facts.includes(rule.fact) ? undefined : 'This template is not made for this fact.';
        if (message) throw new Problem('invalid', 'rule.invalid', 'The rule is not valid.', { errors: [{ pointer: '/template', code: template ? 'template_mismatch' : 'template_unknown', message }] });
      }
      return save(tx, rule);
    });
  }
}
