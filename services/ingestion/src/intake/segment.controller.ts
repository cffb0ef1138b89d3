import { Body, Controller, Get, Header, Headers, HttpCode, Options, Param, Post } from '@nestjs/common';
import { ApiBody, ApiTags } from '@nestjs/swagger';

import { Problem } from '@yunke/kernel';
import { Public, SEGMENT_BODY, TakesBody } from '@yunke/service';

import { Doorkeeper, keyOf } from '../source/doorkeeper.worker.js';
import { Accepter } from './accepter.worker.js';
import { receipt, type Receipt } from './observations.controller.js';
import { readSegmentBatch, type SegmentType } from './segment.js';

/** What stands in the path: the call's name, or its first letter as the browser SDK writes it. */
const CALLS: Record<string, SegmentType | 'batch'> = {
  identify: 'identify', track: 'track', page: 'page', screen: 'screen', group: 'group', alias: 'alias', batch: 'batch',
  i: 'identify', t: 'track', p: 'page', s: 'screen', g: 'group', a: 'alias', b: 'batch', import: 'batch',
};

/** The Segment-compatible API: their SDKs work against it unchanged. Every item is answered for by itself. */
@ApiTags('intake')
@Controller('v1')
@Public()
export class SegmentController {
  constructor(private readonly doorkeeper: Doorkeeper, private readonly accepter: Accepter) {}

  /** The browser SDK's own metrics: taken and forgotten. */
  @Post('m') @HttpCode(200) @TakesBody(SEGMENT_BODY)
  metrics(): { success: true } {
    return { success: true };
  }

  /** What the browser SDK asks first: which destinations there are. Ours is the only one. */
  @Get('projects/:key/settings') @Header('cache-control', 'public, max-age=60')
  async settings(@Param('key') key: string, @Headers('host') host: string | undefined): Promise<object> {
    await this.doorkeeper.open(key);
    return { integrations: { 'Segment.io': { apiKey: key, apiHost: `${host ?? 'localhost'}/v1`, unbundledIntegrations: [], addBundledMetadata: true, maybeBundledConfigIds: {} } }, plan: { track: { __default: { enabled: true } }, identify: { __default: { enabled: true } } }, edgeFunction: {}, analyticsNextEnabled: true, middlewareSettings: {}, enabledMiddleware: {}, metrics: { sampleRate: 0 }, legacyVideoPluginsEnabled: false, remotePlugins: [] };
  }

  /** A browser on another origin asks whether it may. */
  @Options('*') @HttpCode(204)
  @Header('access-control-allow-methods', 'GET, POST, OPTIONS') @Header('access-control-allow-headers', 'authorization, content-type, x-retry-count') @Header('access-control-max-age', '86400')
  preflight(): void {
    return undefined;
  }

  /** 202 when everything in it was judged; each item's outcome stands in the answer. */
  @Post(':call') @HttpCode(202) @TakesBody(SEGMENT_BODY)
  @ApiBody({ schema: { type: 'object' } })
  async take(@Param('call') call: string, @Headers('authorization') authorization: string | undefined, @Body() body: unknown): Promise<Receipt & { success: true }> {
    const type = Object.hasOwn(CALLS, call) ? CALLS[call]! : undefined;
    if (!type) throw new Problem('not_found', 'route.not_found', 'There is no such call.');
    const door = await this.doorkeeper.open(keyOf(authorization, body));
    const items = readSegmentBatch(body, door, type);
    return { success: true, ...receipt(items.length === 0 ? [] : await this.accepter.accept({ door, dialect: 'segment', items })) };
  }
}
