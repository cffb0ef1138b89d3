import { Column, Entity, Index, PrimaryColumn } from 'typeorm';

import type { LineDto } from './contract.js';

const minor = { to: (value: number) => value, from: (value: string) => Number(value) };

@Entity()
export class Message {
  @PrimaryColumn() messageId!: string;
  @Column({ type: 'timestamptz' }) receivedAt!: Date;
}

@Entity()
export class Subject {
  @PrimaryColumn() subject!: string;
  @Column() profileId!: string;
}

@Entity()
@Index(['type', 'value'])
export class Identifier {
  @PrimaryColumn() subject!: string;
  @PrimaryColumn() type!: string;
  @PrimaryColumn() value!: string;
}

@Entity('customer_order')
export class Order {
  @PrimaryColumn() orderId!: string;
  @Index() @Column() subject!: string;
  @Column() status!: string;
  @Column() currency!: string;
  @Column({ type: 'bigint', transformer: minor }) totalMinor!: number;
  @Column({ type: 'timestamptz' }) placedAt!: Date;
  @Column({ type: 'jsonb' }) lines!: LineDto[];
}

@Entity()
export class Profile {
  @PrimaryColumn() subject!: string;
  @Column() profileId!: string;
}

@Entity()
export class Customer {
  @PrimaryColumn() subject!: string;
  @Column() orders!: number;
  @Column({ type: 'bigint', transformer: minor }) revenueMinor!: number;
  @Column({ type: 'timestamptz', nullable: true }) firstOrderAt!: Date | null;
  @Column({ type: 'timestamptz', nullable: true }) lastOrderAt!: Date | null;
}

@Entity()
export class Membership {
  @PrimaryColumn() subject!: string;
  @PrimaryColumn() segment!: string;
  @Column({ type: 'timestamptz' }) since!: Date;
}
