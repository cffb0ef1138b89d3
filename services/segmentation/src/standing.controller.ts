import { Controller, Get, Param, Query } from '@nestjs/common';
import { ApiProperty, ApiTags } from '@nestjs/swagger';
import { Type } from 'class-transformer';
import { IsInt, IsOptional, IsString, Length, Max, Min } from 'class-validator';

import { Problem, iso, present } from '@yunke/kernel';
import { Db } from '@yunke/postgres';
import { Roles, cursorOf, placeOf, type Page } from '@yunke/service';

import { fold, traits, type Traits } from './history.js';
import { currentRules } from './rules.store.js';
import { SegmentationConfig } from './segmentation.config.js';
import { rfmScores, type Scores } from './shipped.js';
import type { Profile } from './standing.js';
import { countMembers, entriesOf, find, list, listMembers, membershipsOf, type StoredMembership } from './standing.store.js';

export class Paging {
  @ApiProperty({ required: false, default: 50 }) @IsOptional() @Type(() => Number) @IsInt() @Min(1) @Max(200) limit = 50;
  @ApiProperty({ required: false }) @IsOptional() @IsString() @Length(1, 500) after?: string;
}

type MembershipView = Omit<StoredMembership, 'since' | 'effectiveAt'> & { readonly since: string; readonly effectiveAt: string };
type SegmentView = { readonly segment: string; readonly members: number; readonly ruleVersion: number };
type TraitsView = Omit<Traits, 'firstOrderAt' | 'lastOrderAt'> & { readonly firstOrderAt?: string; readonly lastOrderAt?: string };
type ProfileView = { readonly profileId: string; readonly subjects: readonly string[]; readonly evaluatedAt: string; readonly traits: TraitsView; readonly scores?: Scores };

/** Who is in which segment, and why. */
@ApiTags('segments')
@Controller('api/segmentation')
@Roles('viewer')
export class StandingController {
  constructor(private readonly db: Db, private readonly config: SegmentationConfig) {}

  /** Every segment in force, with the number of its members. */
  @Get('segments')
  async segments(): Promise<{ items: SegmentView[] }> {
    const { rules } = await currentRules(this.db, this.config.baseCurrency);
    const counts = new Map((await countMembers(this.db)).map(({ segment, members }) => [segment, members]));
    return { items: rules.segments.map(({ name }) => ({ segment: name, members: counts.get(name) ?? 0, ruleVersion: rules.version })) };
  }

  @Get('segments/:segment/members')
  async members(@Param('segment') segment: string, @Query() { limit, after }: Paging): Promise<Page<MembershipView>> {
    const { rules } = await currentRules(this.db, this.config.baseCurrency);
    if (!rules.byName.has(segment)) throw new Problem('not_found', 'segment.not_found', 'There is no such segment.');
    const items = await listMembers(this.db, segment, limit, after ? placeOf(after, { id: 'text' }).id : '');
    return { items: items.map(membershipView), ...(items.length === limit && { next: cursorOf({ id: items.at(-1)!.profileId }) }) };
  }

  /** Profiles by id, with their traits. */
  @Get('profiles')
  async profiles(@Query() { limit, after }: Paging): Promise<Page<ProfileView>> {
    const items = await list(this.db, limit, after ? placeOf(after, { id: 'text' }).id : '');
    return { items: await this.#views(items), ...(items.length === limit && { next: cursorOf({ id: items.at(-1)!.id }) }) };
  }

  @Get('profiles/:id')
  async profile(@Param('id') id: string): Promise<ProfileView & { memberships: MembershipView[] }> {
    const found = present(await find(this.db, id), 'profile.not_found');
    const [view] = await this.#views([found]);
    return { ...view!, memberships: (await membershipsOf(this.db, id)).map(membershipView) };
  }

  /** Traits as of now: a profile is evaluated when its segments may change, and much that moves its traits moves no segment. */
  async #views(profiles: readonly Profile[]): Promise<ProfileView[]> {
    const now = await this.db.now();
    const rows = await this.db.query<{ subject: string; profileId: string }>('select subject, profile_id as "profileId" from subject_profile where profile_id = any($1) order by subject', [profiles.map(({ id }) => id)]);
    const entries = await entriesOf(this.db, rows.map(({ subject }) => subject));
    const { cutPoints } = await currentRules(this.db, this.config.baseCurrency);
    return profiles.map(({ id }) => {
      const subjects = rows.filter(({ profileId }) => profileId === id).map(({ subject }) => subject);
      const history = fold(subjects.map((subject) => ({ entries: entries.get(subject) ?? [] })));
      const scores = rfmScores(history, cutPoints, this.config.baseCurrency, now);
      return { profileId: id, subjects, evaluatedAt: iso(now), traits: traitsView(traits(history, now)), ...(scores && { scores }) };
    });
  }
}

const traitsView = ({ firstOrderAt, lastOrderAt, ...others }: Traits): TraitsView =>
  ({ ...others, ...(firstOrderAt !== undefined && { firstOrderAt: iso(firstOrderAt) }), ...(lastOrderAt !== undefined && { lastOrderAt: iso(lastOrderAt) }) });
const membershipView = ({ since, effectiveAt, ...stored }: StoredMembership): MembershipView => ({ ...stored, since: iso(since), effectiveAt: iso(effectiveAt) });
