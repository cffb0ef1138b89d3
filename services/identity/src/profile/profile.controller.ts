import { Controller, Get, Param, Query, Req } from '@nestjs/common';
import { ApiProperty, ApiTags } from '@nestjs/swagger';
import { Type } from 'class-transformer';
import { IsInt, IsOptional, IsString, Length, Max, Min } from 'class-validator';

import { Problem, iso, present } from '@yunke/kernel';
import { Db } from '@yunke/postgres';
import { Roles, cursorOf, placeOf, type Caller, type Page } from '@yunke/service';

import { identifierKey, ownIdentifier, parseIdentifier, parseSubject, type Identifier } from '../resolve/identifier.js';
import { explain, type Explanation } from './explanation.store.js';
import { maskValue, viewOf, type ProfileView, type Sight } from './profile-view.js';
import type { Profile } from './profile.js';
import { find, findBySubject, goldenOf, list, listJournal, lookUp, type Entry } from './profile.store.js';

export class ListProfiles {
  @ApiProperty({ required: false, default: 50 }) @IsOptional() @Type(() => Number) @IsInt() @Min(1) @Max(200) limit = 50;
  @ApiProperty({ required: false }) @IsOptional() @IsString() @Length(1, 2_000) after?: string;
}

export class LookUpProfile {
  @ApiProperty({ required: false, example: 'shop:account:88123' }) @IsOptional() @IsString() @Length(1, 400) subject?: string;
  @ApiProperty({ required: false, example: 'email' }) @IsOptional() @IsString() @Length(1, 80) type?: string;
  @ApiProperty({ required: false, example: 'ada@example.com', description: 'Of a type that two sources may use: <source>:<value>.' }) @IsOptional() @IsString() @Length(1, 600) value?: string;
}

type Request = { readonly caller: Caller };
const sightOf = ({ caller }: Request): Sight => (caller.role === 'operator' ? 'full' : 'masked');

@ApiTags('identity')
@Controller('api/profiles')
@Roles('viewer')
export class ProfileController {
  constructor(private readonly db: Db) {}

  /** The latest first seen first. */
  @Get()
  async list(@Query() { limit, after }: ListProfiles, @Req() request: Request): Promise<Page<ProfileView>> {
    const profiles = await list(this.db, limit, after === undefined ? undefined : placeOf(after, { firstSeenAt: 'whole', profileId: 'text' }));
    const last = profiles.at(-1);
    const next = last && profiles.length === limit && { next: cursorOf({ firstSeenAt: last.firstSeenAt, profileId: last.profileId }) };
    return { items: await this.#views(profiles, request), ...next };
  }

  /** The profiles of a subject, or of those who carry an identifier: whoever has it by right first. */
  @Get('lookup')
  async lookup(@Query() { subject, type, value }: LookUpProfile, @Req() request: Request): Promise<Page<ProfileView>> {
    if (subject !== undefined) {
      parseSubject(subject);
      return { items: await this.#views(await findBySubject(this.db, subject), request) };
    }
    if (type === undefined || value === undefined) throw new Problem('invalid', 'lookup.incomplete', 'Ask by subject, or by type and value.');
    const identifier = parseIdentifier({ type, value });
    return { items: await this.#views(await lookUp(this.db, { ...identifier, own: ownerOf(identifier) }, 50), request) };
  }

  /** Any id that was ever shown leads to the profile that holds its subject now. */
  @Get(':id')
  async get(@Param('id') id: string, @Req() request: Request): Promise<ProfileView> {
    return (await this.#views([await this.#find(id)], request))[0]!;
  }

  /** Why it is one person: what its subjects carry, what united them, what was refused and what people decided. */
  @Get(':id/evidence')
  async evidence(@Param('id') id: string, @Req() request: Request): Promise<object> {
    const profile = await this.#find(id);
    return { profileId: profile.profileId, ...explanationOf(await this.db.tx((tx) => explain(tx, profile)), sightOf(request)) };
  }

  /** Its merges and splits, the latest first. */
  @Get(':id/journal')
  async journal(@Param('id') id: string, @Query() { limit, after }: ListProfiles, @Req() request: Request): Promise<Page<object>> {
    const { profileId } = await this.#find(id);
    const place = after === undefined ? undefined : placeOf(after, { decision: 'whole', profileId: 'text', kind: 'text' });
    const entries = await listJournal(this.db, { ids: [id, profileId], limit, ...(place && { after: place }) });
    const last = entries.at(-1);
    const next = last && entries.length === limit && { next: cursorOf({ decision: last.decision, profileId: last.profileId, kind: last.kind }) };
    return { items: entries.map((entry) => entryOf(entry, sightOf(request))), ...next };
  }

  async #find(id: string): Promise<Profile> {
    return present(/^[0-9a-f]{32}$/.test(id) ? await find(this.db, id) : undefined, 'profile.not_found');
  }

  async #views(profiles: readonly Profile[], request: Request): Promise<ProfileView[]> {
    const golden = await goldenOf(this.db, profiles);
    return profiles.map((profile) => viewOf(profile, golden.get(profile.profileId)!, sightOf(request)));
  }
}

/** The subject whose own key an identifier is. */
function ownerOf(identifier: Identifier): string | undefined {
  if (identifier.type !== 'account' && identifier.type !== 'anonymous') return undefined;
  const colon = identifier.value.indexOf(':');
  const subject = `${identifier.value.slice(0, colon)}:${identifier.type}:${identifier.value.slice(colon + 1)}`;
  return identifierKey(ownIdentifier(subject)!) === identifierKey(identifier) ? subject : undefined;
}

function explanationOf({ stale, evidence, united, refused, decisions }: Explanation, sight: Sight): object {
  const masked = <T extends { type: string; value: string }>(one: T): T => ({ ...one, value: one.type === 'link' ? one.value : maskValue(one.value, sight) });
  return {
    stale,
    evidence: evidence.map(({ version: [occurredAt, acceptedAt, messageId], ...one }) => ({ ...masked(one), occurredAt: iso(occurredAt), acceptedAt: iso(acceptedAt), messageId })),
    united: united.map(masked), refused: refused.map(masked),
    decisions: decisions.map(({ identifier, decidedAt, withdrawnAt, ...one }) => ({ ...one, ...(identifier && masked(identifier)), decidedAt: iso(decidedAt), ...(withdrawnAt !== undefined && { withdrawnAt: iso(withdrawnAt) }) })),
  };
}

function entryOf({ reason, at, ...entry }: Entry, sight: Sight): object {
  const value = reason.value === undefined ? {} : { value: reason.type === 'link' ? reason.value : maskValue(reason.value, sight) };
  return { ...entry, reason: { ...reason, ...value }, at: iso(at) };
}
