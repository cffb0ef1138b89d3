import { Body, Controller, Get, HttpCode, Param, Post, Put, Query } from '@nestjs/common';
import { ApiProperty, ApiTags } from '@nestjs/swagger';
import { Type } from 'class-transformer';
import { ArrayMaxSize, ArrayMinSize, ArrayUnique, IsArray, IsIn, IsInt, IsObject, IsOptional, IsString, Length, Max, Min, ValidateNested } from 'class-validator';

import { Problem, present } from '@yunke/kernel';
import { Db } from '@yunke/postgres';
import { Roles, cursorOf, placeOf, type Page } from '@yunke/service';

import { letterOf } from '../delivery/composer.worker.js';
import { NotificationsConfig } from '../notifications.config.js';
import { find as findPerson } from '../person/person.store.js';
import { FACTS, sampleOf } from '../rule/fields.js';
import { LANGUAGES, compile, type Contents, type Language, type Rendered, type Template } from './template.js';
import { find, list, newest, save, versions } from './template.store.js';

/** The database's largest `int`. */
const LAST_VERSION = 2 ** 31 - 1;

export class ListTemplates {
  @ApiProperty({ required: false, default: 20 }) @IsOptional() @Type(() => Number) @IsInt() @Min(1) @Max(100) limit = 20;
  @ApiProperty({ required: false }) @IsOptional() @IsString() @Length(1, 500) after?: string;
}

export class WrittenContents implements Contents {
  @ApiProperty({ example: 'Your order {{ orderId }}' }) @IsString() @Length(1, 500) subject!: string;
  @ApiProperty() @IsString() @Length(1, 200_000) mjml!: string;
  @ApiProperty() @IsString() @Length(1, 100_000) text!: string;
}

export class WrittenLanguages {
  @ApiProperty({ required: false }) @IsOptional() @ValidateNested() @Type(() => WrittenContents) 'zh-CN'?: WrittenContents;
  @ApiProperty({ required: false }) @IsOptional() @ValidateNested() @Type(() => WrittenContents) en?: WrittenContents;
}

export class SaveTemplate {
  @ApiProperty({ enum: FACTS, isArray: true }) @IsArray() @ArrayMinSize(1) @ArrayMaxSize(20) @ArrayUnique() @IsIn([...FACTS], { each: true }) facts!: string[];
  @ApiProperty() @IsObject() @ValidateNested() @Type(() => WrittenLanguages) languages!: WrittenLanguages;
}

export class PreviewTemplate {
  @ApiProperty({ required: false, description: 'Whose name, language and zone to write in.' }) @IsOptional() @IsString() @Length(1, 100) profileId?: string;
  @ApiProperty({ required: false, enum: LANGUAGES }) @IsOptional() @IsIn([...LANGUAGES]) language?: Language;
  @ApiProperty({ required: false }) @IsOptional() @IsInt() @Min(1) @Max(LAST_VERSION) version?: number;
  @ApiProperty({ required: false, description: 'A fact to write about; else a made-up one.' }) @IsOptional() @IsObject() fact?: object;
}

type TemplateView = { readonly name: string; readonly version: number; readonly facts: readonly string[]; readonly languages: { readonly [language in Language]?: Contents } };

/** What messages say. */
@ApiTags('messages')
@Controller('api/notifications/templates')
@Roles('viewer')
export class TemplateController {
  constructor(private readonly db: Db, private readonly config: NotificationsConfig) {}

  /** The newest version of each. */
  @Get()
  async list(@Query() { limit, after }: ListTemplates): Promise<Page<TemplateView>> {
    const items = await list(this.db, limit, after ? placeOf(after, { name: 'text' }).name : '');
    return { items: items.map(viewOf), ...(items.length === limit && { next: cursorOf({ name: items.at(-1)!.name }) }) };
  }

  @Get(':name')
  async get(@Param('name') name: string): Promise<TemplateView> {
    return viewOf(await this.#newest(name));
  }

  /** All versions, the latest first. */
  @Get(':name/versions')
  async versions(@Param('name') name: string, @Query() { limit, after }: ListTemplates): Promise<Page<TemplateView>> {
    const items = await versions(this.db, name, limit, after ? placeOf(after, { version: 'int' }).version : LAST_VERSION);
    return { items: items.map(viewOf), ...(items.length === limit && { next: cursorOf({ version: items.at(-1)!.version }) }) };
  }

  /** Saves it as the next version. Every variable must be there in every one of its facts. */
  @Put(':name') @Roles('operator')
  async save(@Param('name') name: string, @Body() { facts, languages }: SaveTemplate): Promise<TemplateView> {
    if (!/^[a-z0-9][a-z0-9-]{0,99}$/.test(name)) throw new Problem('invalid', 'template.name_invalid', 'A template is named by small letters, digits and hyphens.');
    const written = Object.fromEntries(Object.entries(languages).filter(([, contents]) => contents !== undefined)) as { [language in Language]?: Contents };
    if (Object.keys(written).length === 0) throw new Problem('invalid', 'template.invalid', 'The template is not valid.', { errors: [{ pointer: '/languages', code: 'language_missing', message: 'Write it in one language at least.' }] });
    const compiled = await compile(written, facts);
    return viewOf(await this.db.tx((tx) => save(tx, { name, facts, languages: compiled })));
  }

  /** The letter as a person would get it, without sending it. */
  @Post(':name/preview') @HttpCode(200) @Roles('operator')
  async preview(@Param('name') name: string, @Body() { profileId, language, version, fact }: PreviewTemplate): Promise<Rendered> {
    const template = version === undefined ? await this.#newest(name) : present(await find(this.db, name, version), 'template.not_found');
    const person = profileId === undefined ? {} : present(await findPerson(this.db, profileId), 'profile.not_found').fields;
    return letterOf(template, { fact: fact ?? sampleOf(template.facts[0]!), person, language: language ?? person.language ?? this.config.language, unsubscribe: undefined }, this.config);
  }

  async #newest(name: string): Promise<Template> {
    return present((await newest(this.db, [name])).get(name), 'template.not_found');
  }
}

/** Without the translated HTML, which nobody wrote. */
function viewOf({ name, version, facts, languages }: Template): TemplateView {
  return { name, version, facts, languages: Object.fromEntries(Object.entries(languages).map(([language, { subject, mjml, text }]) => [language, { subject, mjml, text }])) };
}
