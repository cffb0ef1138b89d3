import { Module, type DynamicModule } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { TerminusModule } from '@nestjs/terminus';

import { isTransient } from '@yunke/postgres';

import { TokenGuard, TokenKeys } from '../auth.js';
import { createApplication, type Application } from '../edge/application.js';
import { nestLogger, type Logger } from '../logger.js';
import { DocsController } from './docs.controller.js';
import { HealthController } from './health.controller.js';
import { MetricsController } from './metrics.controller.js';
import { ParkedController } from './parked.controller.js';
import { ThisProcess } from './this-process.js';

@Module({})
class OperationsModule {
  static of(here: ThisProcess, tokenKeys: TokenKeys): DynamicModule {
    return {
      module: OperationsModule,
      imports: [TerminusModule.forRoot({ logger: false })],
      controllers: [HealthController, MetricsController, ParkedController, DocsController],
      providers: [{ provide: ThisProcess, useValue: here }, { provide: TokenKeys, useValue: tokenKeys }, { provide: APP_GUARD, useClass: TokenGuard }],
    };
  }
}

/** What a process tells about itself, once for all its services, from before they start: health, metrics, API documents, parked records. */
export async function startOperations(here: ThisProcess, { tokenKeys, logger }: { tokenKeys: TokenKeys; logger: Logger }): Promise<Application> {
  return createApplication(OperationsModule.of(here, tokenKeys), { log: logger, isTransient, nestLogger: nestLogger(logger), service: 'operations' });
}
