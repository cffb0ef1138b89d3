import { Controller, Inject } from '@nestjs/common';
import { ClientKafka, EventPattern, Payload } from '@nestjs/microservices';
import { InjectRepository } from '@nestjs/typeorm';
import { Repository } from 'typeorm';

import { TOPICS, type OrderDto, type ProfileFound } from './contract.js';
import { emit } from './emit.js';
import { Identifier, Subject } from './entities.js';

@Controller()
export class IdentityHandlers {
  constructor(
    @InjectRepository(Subject) private readonly subjects: Repository<Subject>, @InjectRepository(Identifier) private readonly identifiers: Repository<Identifier>,
    @Inject('KAFKA') private readonly kafka: ClientKafka,
  ) {}

  /** Who is new becomes a person of their own; the rest of identity is left out. */
  @EventPattern(TOPICS.observations)
  async heard(@Payload() { subject, email, phone }: OrderDto): Promise<void> {
    if (await this.subjects.findOneBy({ subject })) return;
    const { profileId } = await this.subjects.save({ subject, profileId: crypto.randomUUID() });
    const carried = [{ subject, type: 'email', value: email }, { subject, type: 'phone', value: phone }].filter((one): one is Identifier => one.value !== undefined);
    await this.identifiers.save(carried);
    await emit(this.kafka, TOPICS.profiles, { key: subject, value: { subject, profileId } satisfies ProfileFound });
  }
}
