import { applyDecorators } from '@nestjs/common';
import { ApiProperty } from '@nestjs/swagger';
import { Type } from 'class-transformer';
import { IsIn, IsInt, IsOptional, IsString, Length, Max, Min } from 'class-validator';

import { cursorOf, placeOf } from '@yunke/service';

import { placeOfRow, shapeOf, type Listing, type Place, type Sorted } from './listing.js';

/** What every list may be asked. */
export class Paging {
  @ApiProperty({ required: false, default: 50 }) @IsOptional() @Type(() => Number) @IsInt() @Min(1) @Max(200) limit = 50;
  @ApiProperty({ required: false, description: '`next` of the page before, of the same list in the same order.' }) @IsOptional() @IsString() @Length(1, 2_000) after?: string;
}

/** The field that a list is sorted by: one that is allowed. */
export const SortField = (listing: Listing, byDefault: string): PropertyDecorator => applyDecorators(
  ApiProperty({ required: false, enum: Object.keys(listing.sorts), default: byDefault }), IsOptional(), IsIn(Object.keys(listing.sorts)));

export const SortOrder = (byDefault: 'asc' | 'desc'): PropertyDecorator => applyDecorators(ApiProperty({ required: false, enum: ['asc', 'desc'], default: byDefault }), IsOptional(), IsIn(['asc', 'desc']));

type Asked<L extends Listing> = Paging & Pick<Sorted<L>, 'sort' | 'order'>;

/** What is asked for, with its place. @throws cursor.invalid when `after` is not of this list, sorted so */
export function pageOf<L extends Listing, Q extends Asked<L>>(listing: L, { after, ...asked }: Q): Omit<Q, 'after'> & { readonly after?: Place } {
  const { sort, order } = asked;
  return { ...asked, ...(after && { after: placeOf(after, shapeOf(listing, sort), { sort, order }) }) };
}

/** The cursor behind a page, when there may be more. */
export function nextOf<L extends Listing>(listing: L, { sort, order, limit }: Asked<L>, rows: readonly object[]): { next?: string } {
  const last = rows.at(-1);
  return last && rows.length === limit ? { next: cursorOf({ sort, order, ...placeOfRow(listing, sort, last as Record<string, unknown>) }) } : {};
}
