import { Controller, Inject } from '@nestjs/common';
import { ClientKafka, EventPattern, Payload } from '@nestjs/microservices';
import { InjectRepository } from '@nestjs/typeorm';
import { Repository } from 'typeorm';

import { TOPICS, type MembershipsRecorded, type OrderChanged, type ProfileFound } from './contract.js';
import { emit } from './emit.js';
import { Customer, Membership, Profile } from './entities.js';
import { segmentsOf } from './segments.js';

@Controller()
export class SegmentationHandlers {
  constructor(
    @InjectRepository(Customer) private readonly customers: Repository<Customer>, @InjectRepository(Membership) private readonly memberships: Repository<Membership>,
    @InjectRepository(Profile) private readonly profiles: Repository<Profile>, @Inject('KAFKA') private readonly kafka: ClientKafka,
  ) {}

  @EventPattern(TOPICS.orders)
  async ordered(@Payload() { subject, totalMinor, placedAt }: OrderChanged): Promise<void> {
    const customer = (await this.customers.findOneBy({ subject })) ?? this.customers.create({ subject, orders: 0, revenueMinor: 0, firstOrderAt: null, lastOrderAt: null });
    const at = new Date(placedAt);
    customer.orders += 1;
    customer.revenueMinor += totalMinor;
    customer.firstOrderAt = !customer.firstOrderAt || at < customer.firstOrderAt ? at : customer.firstOrderAt;
    customer.lastOrderAt = !customer.lastOrderAt || at > customer.lastOrderAt ? at : customer.lastOrderAt;
    await this.evaluate(await this.customers.save(customer));
  }

  @EventPattern(TOPICS.profiles)
  async found(@Payload() { subject, profileId }: ProfileFound): Promise<void> {
    await this.profiles.save({ subject, profileId });
  }

  private async evaluate(customer: Customer): Promise<void> {
    const { subject } = customer;
    const since = new Date();
    const held = await this.memberships.findBy({ subject });
    const now = segmentsOf(customer, since.getTime());
    const left = held.filter(({ segment }) => !now.includes(segment));
    const entered = now.filter((segment) => !held.some((one) => one.segment === segment)).map((segment) => ({ subject, segment, since }));
    const changes = [...left.map(({ segment }) => ({ type: 'SegmentLeft', segment })), ...entered.map(({ segment }) => ({ type: 'SegmentEntered', segment }))];
    if (left.length > 0) await this.memberships.remove(left);
    if (entered.length > 0) await this.memberships.save(entered);
    if (changes.length === 0) return;
    const profileId = (await this.profiles.findOneBy({ subject }))?.profileId ?? subject;
    await Promise.all(changes.map((change) => emit(this.kafka, TOPICS.changes, { key: subject, value: { ...change, profileId, effectiveAt: since.toISOString() } })));
    const memberships = [...held.filter((one) => !left.includes(one)), ...entered].map((one) => ({ segment: one.segment, since: one.since.toISOString() }));
    await emit(this.kafka, TOPICS.memberships, { key: profileId, value: { profileId, memberships } satisfies MembershipsRecorded });
  }
}
