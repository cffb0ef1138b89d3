import { personal, streams } from './gen/streams.js';
import type { Messages } from './gen/types.js';
import type { Stream } from './stream.js';

const byType = new Map<string, Stream>(
  Object.values<Stream>(streams).flatMap((stream) => stream.types.map((type): [string, Stream] => [type, stream])),
);

/** Whether this is the name of a message that travels on a topic. */
export const isMessage = (type: string): type is keyof Messages => byType.has(type);

/** The stream that carries a message, by the message's name. @throws Error when no stream does */
export function streamOf(type: string): Stream {
  const stream = byType.get(type);
  if (!stream) throw new Error(`No stream carries ${type}`);
  return stream;
}

/** The topic of a message, by the message's name. @throws Error when no stream carries it */
export const topicOf = (type: string): string => streamOf(type).topic;

/**
 * Dotted paths of the fields of a message that can tell who a person is; a path goes through lists (`identifiers.value`).
 * @throws Error when there is no such message
 */
export function personalFields(type: string): readonly string[] {
  if (!Object.hasOwn(personal, type)) throw new Error(`There is no message ${type}`);
  return personal[type];
}
