import { Controller, Inject } from '@nestjs/common';
import { ClientKafka, EventPattern, Payload } from '@nestjs/microservices';
import { InjectRepository } from '@nestjs/typeorm';
import { Repository } from 'typeorm';

import { TOPICS, type LinesRecorded, type OrderChanged, type OrderDto } from './contract.js';
import { emit } from './emit.js';
import { Order } from './entities.js';

@Controller()
export class OrderHandlers {
  constructor(@InjectRepository(Order) private readonly orders: Repository<Order>, @Inject('KAFKA') private readonly kafka: ClientKafka) {}

  @EventPattern(TOPICS.observations)
  async heard(@Payload() seen: OrderDto): Promise<void> {
    const { orderId, subject, currency, placedAt, lines } = seen;
    const order = (await this.orders.findOneBy({ orderId })) ?? this.orders.create({ orderId });
    const totalMinor = lines.reduce((total, { quantity, unitPrice }) => total + Math.round(quantity * Number(unitPrice) * 100), 0);
    Object.assign(order, { subject, currency, lines, totalMinor, status: 'placed', placedAt: new Date(placedAt) });
    await this.orders.save(order);
    await emit(this.kafka, TOPICS.orders, { key: subject, value: { orderId, subject, currency, totalMinor, status: 'placed', placedAt } satisfies OrderChanged });
    await emit(this.kafka, TOPICS.lines, { key: subject, value: { orderId, subject, lines } satisfies LinesRecorded });
  }
}
