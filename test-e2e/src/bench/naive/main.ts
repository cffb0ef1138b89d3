import 'reflect-metadata';

import type { AddressInfo } from 'node:net';

import { Module, ValidationPipe, type DynamicModule, type Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ClientsModule, Transport, type MicroserviceOptions } from '@nestjs/microservices';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { TypeOrmModule } from '@nestjs/typeorm';

import { answerWith } from '../worker.js';
import { Door } from './door.js';
import { Customer, Identifier, Membership, Message, Order, Profile, Subject } from './entities.js';
import { IdentityHandlers } from './identity.js';
import { OrderHandlers } from './orders.js';
import { SegmentationHandlers } from './segmentation.js';

export type Role = 'door' | 'identity' | 'orders' | 'segmentation';
export type Question = { readonly role: Role; readonly databaseUrl: string; readonly brokers: string };

const ROLES: Record<Role, { controller: Type; entities: Type[] }> = {
  door: { controller: Door, entities: [Message] }, identity: { controller: IdentityHandlers, entities: [Subject, Identifier] },
  orders: { controller: OrderHandlers, entities: [Order] }, segmentation: { controller: SegmentationHandlers, entities: [Customer, Membership, Profile] },
};

/** It may be stopped for so long, while others are measured, without losing anything. */
const STANDS_STILL_MS = 120_000;

@Module({})
class Twin {
  static of({ role, databaseUrl, brokers }: Question): DynamicModule {
    const { controller, entities } = ROLES[role];
    const kafka = ClientsModule.register([{
      name: 'KAFKA', transport: Transport.KAFKA, options: { client: { clientId: `naive-${role}`, brokers: [brokers] }, producerOnlyMode: true, producer: { allowAutoTopicCreation: false } },
    }]);
    return { module: Twin, imports: [TypeOrmModule.forRoot({ type: 'postgres', url: databaseUrl, entities, synchronize: true }), TypeOrmModule.forFeature(entities), kafka], controllers: [controller] };
  }
}

/** One process of the twin: a door, or a consumer with one handler call a message. */
answerWith<Question>(async (question) => {
  if (question.role === 'door') {
    const app = await NestFactory.create<NestFastifyApplication>(Twin.of(question), new FastifyAdapter(), { logger: ['error'] });
    app.useGlobalPipes(new ValidationPipe({ transform: true, whitelist: true }));
    await app.listen(0, '127.0.0.1');
    return { url: `http://127.0.0.1:${(app.getHttpServer().address() as AddressInfo).port}/v1/observations` };
  }
  const app = await NestFactory.createMicroservice<MicroserviceOptions>(Twin.of(question), {
    logger: ['error'], transport: Transport.KAFKA,
    options: {
      client: { clientId: `naive-${question.role}`, brokers: [question.brokers], requestTimeout: STANDS_STILL_MS }, subscribe: { fromBeginning: true }, producer: { allowAutoTopicCreation: false },
      consumer: { groupId: `naive-${question.role}`, allowAutoTopicCreation: false, sessionTimeout: STANDS_STILL_MS }, run: { partitionsConsumedConcurrently: 4 },
    },
  });
  await app.listen();
  return {};
});
