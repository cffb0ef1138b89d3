import { Module } from '@nestjs/common';

import { SubjectProfiles1700000000004 } from '@yunke/events';
import type { Service } from '@yunke/service';

import { CutPointsController } from './cut-points.controller.js';
import { CutPointsJob } from './cut-points.worker.js';
import { Segmentation1700000001201 } from './migrations/0001-segmentation.js';
import { SegmentationConfig } from './segmentation.config.js';
import { StandingController } from './standing.controller.js';
import { StandingHandlers } from './standing.handlers.js';

@Module({ controllers: [StandingHandlers, StandingController, CutPointsController], providers: [CutPointsJob] })
class SegmentationModule {}

export const segmentation: Service = {
  name: 'segmentation', module: SegmentationModule, config: SegmentationConfig, routes: ['/api/segmentation'], migrations: [SubjectProfiles1700000000004, Segmentation1700000001201],
};
