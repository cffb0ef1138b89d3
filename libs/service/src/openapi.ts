import { DocumentBuilder, SwaggerModule, type OpenAPIObject } from '@nestjs/swagger';

import type { RunningService } from './service.js';

export type ApiDocument = OpenAPIObject;

/** The OpenAPI 3.1 document of one service's HTTP interface, from its controllers. */
export function describeApi({ app, service }: Pick<RunningService, 'app' | 'service'>): ApiDocument {
  const config = new DocumentBuilder().setOpenAPIVersion('3.1.0').setTitle(`Yunke ${service.name}`).setVersion('1').addBearerAuth().build();
  return SwaggerModule.createDocument(app, config);
}

/** One document of several; paths and schemas are disjoint because services own their prefixes and their nouns. */
export function mergeApis(documents: readonly ApiDocument[]): ApiDocument {
  const [first] = documents;
  return {
    ...first!, info: { ...first!.info, title: 'Yunke' },
    paths: Object.assign({}, ...documents.map(({ paths }) => paths)) as ApiDocument['paths'],
    components: { ...first!.components, schemas: Object.assign({}, ...documents.map(({ components }) => components?.schemas)) },
  };
}
