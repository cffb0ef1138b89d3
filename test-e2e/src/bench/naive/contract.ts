import { Type } from 'class-transformer';
import { ArrayMaxSize, IsArray, IsEmail, IsIn, IsInt, IsISO8601, IsNumberString, IsOptional, IsString, Length, Min, ValidateNested } from 'class-validator';

export class LineDto {
  @IsString() @Length(1, 100) lineId!: string;
  @IsString() @Length(1, 100) sku!: string;
  @IsOptional() @IsString() @Length(0, 500) name?: string;
  @IsInt() @Min(0) quantity!: number;
  @IsNumberString() unitPrice!: string;
}

export class OrderDto {
  @IsIn(['OrderObserved']) type!: string;
  @IsString() @Length(1, 100) messageId!: string;
  @IsISO8601() occurredAt!: string;
  @IsString() @Length(1, 100) orderId!: string;
  @IsString() @Length(1, 200) subject!: string;
  @IsString() @Length(3, 3) currency!: string;
  @IsISO8601() placedAt!: string;
  @IsOptional() @IsEmail() email?: string;
  @IsOptional() @IsString() @Length(3, 30) phone?: string;
  @IsOptional() @IsString() @Length(2, 2) country?: string;
  @IsArray() @ArrayMaxSize(5_000) @ValidateNested({ each: true }) @Type(() => LineDto) lines!: LineDto[];
}

export class BatchDto {
  @IsArray() @ArrayMaxSize(5_000) @ValidateNested({ each: true }) @Type(() => OrderDto) observations!: OrderDto[];
}

/** What the services tell each other and whoever else listens, as the platform does; keyed by the customer so that one customer's events stay in order. */
export const TOPICS = {
  observations: 'naive.observations', profiles: 'naive.profiles', orders: 'naive.order-changes', lines: 'naive.order-lines', changes: 'naive.segment-changes', memberships: 'naive.memberships',
} as const;

export type ProfileFound = { readonly subject: string; readonly profileId: string };
export type OrderChanged = { readonly orderId: string; readonly subject: string; readonly status: string; readonly currency: string; readonly totalMinor: number; readonly placedAt: string };
export type LinesRecorded = { readonly orderId: string; readonly subject: string; readonly lines: readonly LineDto[] };
export type MembershipsRecorded = { readonly profileId: string; readonly memberships: readonly { readonly segment: string; readonly since: string }[] };
