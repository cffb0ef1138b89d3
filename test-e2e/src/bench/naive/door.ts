import { Body, Controller, HttpCode, Inject, Post } from '@nestjs/common';
import { ClientKafka } from '@nestjs/microservices';
import { InjectRepository } from '@nestjs/typeorm';
import { Repository } from 'typeorm';

import { BatchDto, OrderDto, TOPICS } from './contract.js';
import { emit } from './emit.js';
import { Message } from './entities.js';

@Controller('v1/observations')
export class Door {
  constructor(@InjectRepository(Message) private readonly messages: Repository<Message>, @Inject('KAFKA') private readonly kafka: ClientKafka) {}

  @Post() @HttpCode(202)
  async take(@Body() { observations }: BatchDto): Promise<{ accepted: number; duplicate: number }> {
    const isNew = await Promise.all(observations.map((order) => this.accept(order)));
    const accepted = isNew.filter(Boolean).length;
    return { accepted, duplicate: isNew.length - accepted };
  }

  private async accept(order: OrderDto): Promise<boolean> {
    const { messageId, subject } = order;
    if (await this.messages.findOneBy({ messageId })) return false;
    await this.messages.save({ messageId, receivedAt: new Date() });
    await emit(this.kafka, TOPICS.observations, { key: subject, value: order });
    return true;
  }
}
