import { Controller, Get, Header } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import { collectDefaultMetrics, Gauge, register } from 'prom-client';

import { Public } from '../auth.js';
import { ThisProcess } from './this-process.js';

const build = new Gauge({ name: 'yunke_build_info', help: 'Always 1: what runs here.', labelNames: ['version', 'node'] });

/** Prometheus' text format. Public: it holds no personal data, and a scraper has no token; the network decides who may read it. */
@ApiExcludeController()
@Controller('metrics')
export class MetricsController {
  constructor(private readonly here: ThisProcess) {
    if (!register.getSingleMetric('process_cpu_seconds_total')) collectDefaultMetrics();
    build.set({ version: here.version, node: process.versions.node }, 1);
  }

  @Get() @Public() @Header('content-type', register.contentType)
  async read(): Promise<string> {
    await Promise.all(this.here.services.map(({ vitals }) => vitals.look()));
    return register.metrics();
  }
}
