import { Controller, Get, HttpCode, Param, Post } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';

import { present } from '@yunke/kernel';
import { Db } from '@yunke/postgres';
import { Roles } from '@yunke/service';

import { CutPointsJob } from './cut-points.worker.js';
import { findJob, type Job } from './job.store.js';
import { currentRules } from './rules.store.js';
import { SegmentationConfig } from './segmentation.config.js';
import type { CutPoints } from './shipped.js';

@ApiTags('segments')
@Controller('api/segmentation')
@Roles('viewer')
export class CutPointsController {
  constructor(private readonly db: Db, private readonly config: SegmentationConfig, private readonly job: CutPointsJob) {}

  /** The cut points in force: score = 1 + the number of cut points reached. */
  @Get('rfm/cut-points')
  async inForce(): Promise<CutPoints> {
    return (await currentRules(this.db, this.config.baseCurrency)).cutPoints;
  }

  /** Computes them anew from the present buyers; the job tells how far it is. */
  @Post('rfm/cut-points') @HttpCode(202) @Roles('operator')
  recompute(): Promise<Job> {
    return this.job.start();
  }

  @Get('jobs/:id')
  async get(@Param('id') id: string): Promise<Job> {
    return present(await findJob(this.db, id), 'job.not_found');
  }
}
