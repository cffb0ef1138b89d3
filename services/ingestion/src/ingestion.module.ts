import { Module } from '@nestjs/common';

import type { Service } from '@yunke/service';

import { IngestionConfig } from './ingestion.config.js';
import { Accepter } from './intake/accepter.worker.js';
import { ObservationsController } from './intake/observations.controller.js';
import { SegmentController } from './intake/segment.controller.js';
import { Ingestion1700000001101 } from './migrations/0001-ingestion.js';
import { SweepByPage1700000001102 } from './migrations/0002-sweep-by-page.js';
import { QuarantineController } from './quarantine/quarantine.controller.js';
import { Doorkeeper } from './source/doorkeeper.worker.js';
import { SourceController } from './source/source.controller.js';

@Module({ controllers: [ObservationsController, SegmentController, SourceController, QuarantineController], providers: [Accepter, Doorkeeper] })
class IngestionModule {}

export const ingestion: Service = {
  name: 'ingestion', module: IngestionModule, config: IngestionConfig, routes: ['/v1', '/api/sources', '/api/quarantine'], migrations: [Ingestion1700000001101, SweepByPage1700000001102],
};
