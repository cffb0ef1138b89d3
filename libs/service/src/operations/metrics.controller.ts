import { Controller, Get, Header } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import { collectDefaultMetrics, Gauge, register } from 'prom-client';

import { Public } from '../auth.js';
import { ThisProcess } from './this-process.js';

const parkedKeys = new Gauge({ name: 'yunke_parked_keys', help: 'Keys whose records wait for somebody.', labelNames: ['service'] });
const outboxAge = new Gauge({ name: 'yunke_outbox_oldest_seconds', help: 'Age of the oldest event that is not published.', labelNames: ['service'] });
const outboxEvents = new Gauge({ name: 'yunke_outbox_events', help: 'Events that are not published.', labelNames: ['service'] });

/** Prometheus' text format. Public: it holds no personal data, and a scraper has no token; the network decides who may read it. */
@ApiExcludeController()
@Controller('metrics')
export class MetricsController {
  constructor(private readonly here: ThisProcess) {
    if (!register.getSingleMetric('process_cpu_seconds_total')) collectDefaultMetrics();
  }

  @Get() @Public() @Header('content-type', register.contentType)
  async read(): Promise<string> {
    await Promise.all(this.here.services.map(async ({ service: { name: service }, db }) => {
      const [row] = await db.query<{ parked: number; age: number; events: number }>(
        `select (select count(*)::int from parked_key) as parked,
           coalesce(extract(epoch from clock_timestamp() - min(said_at))::float8, 0) as age, coalesce(sum(events)::float8, 0) as events from outbox`);
      parkedKeys.set({ service }, row!.parked);
      outboxAge.set({ service }, row!.age);
      outboxEvents.set({ service }, row!.events);
    }));
    return register.metrics();
  }
}
