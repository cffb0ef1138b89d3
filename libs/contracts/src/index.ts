export type { Fact } from './fact.js';
export type { Fault } from '@yunke/kernel';
export type * from './gen/types.js';
export { schemas } from './gen/schemas.js';
export { streams } from './gen/streams.js';
export type { MessageOf, Stream } from './stream.js';
export { isTimestamp } from './timestamp.js';
export { isMessage, personalFields, streamOf, topicOf } from './topics.js';
export { validate } from './validators.js';
