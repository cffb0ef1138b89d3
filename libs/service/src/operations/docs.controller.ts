import { Controller, Get, Param } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';

import { present } from '@yunke/kernel';

import { Public } from '../auth.js';
import { describeApi, mergeApis, type ApiDocument } from '../openapi.js';
import { ThisProcess } from './this-process.js';

/** OpenAPI 3.1: one document for all services of the process, and one a service. */
@ApiExcludeController()
@Controller()
export class DocsController {
  constructor(private readonly here: ThisProcess) {}

  @Get('openapi.json') @Public()
  all(): ApiDocument {
    return mergeApis(this.here.services.map(describeApi));
  }

  @Get('openapi/:service') @Public()
  one(@Param('service') name: string): ApiDocument {
    return describeApi(present(this.here.services.find(({ service }) => service.name === name), 'service.not_found'));
  }
}
