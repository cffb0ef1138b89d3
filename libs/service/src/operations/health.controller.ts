import { Controller, Get, Res } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import { HealthCheckService, HealthIndicatorService, type HealthIndicatorResult } from '@nestjs/terminus';
import type { FastifyReply } from 'fastify';

import { Public } from '../auth.js';
import { ThisProcess } from './this-process.js';

@ApiExcludeController()
@Controller('health')
export class HealthController {
  constructor(private readonly health: HealthCheckService, private readonly indicator: HealthIndicatorService, private readonly here: ThisProcess) {}

  /** The event loop turns. An outage elsewhere never makes this fail, also while we wait for it to start: restarting would not help. */
  @Get('live') @Public()
  live(): { status: 'ok' } {
    return { status: 'ok' };
  }

  /** Every service has started and can reach its database, and we are not stopping; else 503 and what is not up. The log may be away. */
  @Get('ready') @Public()
  async ready(@Res() reply: FastifyReply): Promise<void> {
    const process = (): HealthIndicatorResult => (this.here.stopping ? this.indicator.check('process').down('stopping') : this.indicator.check('process').up());
    const result = await this.health.check([process, ...this.here.expected.map((name) => () => this.#check(name))]).catch((error: { getResponse(): unknown }) => error.getResponse());
    await reply.status((result as { status: string }).status === 'ok' ? 200 : 503).send(result);
  }

  async #check(name: string): Promise<HealthIndicatorResult> {
    const check = this.indicator.check(name);
    const running = this.here.services.find(({ service }) => service.name === name);
    if (!running) return check.down('starting');
    return running.db.query('select 1').then(() => check.up(), () => check.down('its database cannot be reached'));
  }
}
