import { recordSchema } from './schemas.mjs';

const hour = 3_600_000;
const capitalised = (name) => `${name[0].toUpperCase()}${name.slice(1)}`;
const kafka = (binding) => ({ kafka: { ...binding, bindingVersion: '0.5.0' } });
const ref = (path) => ({ $ref: `#/${path}` });

/** The AsyncAPI 3.0 document: a channel per topic, what may stand on it, and who says it. */
export function asyncApi(messages, streams) {
  const byName = new Map(messages.map((message) => [message.name, message]));
  return {
    asyncapi: '3.0.0',
    info: {
      title: 'Yunke',
      version: '1',
      description: 'What the services of Yunke say, on which topic, keyed by what. Readers ignore fields they do not know.',
      license: { name: 'Apache-2.0' },
    },
    defaultContentType: 'application/json',
    channels: Object.fromEntries(streams.map((stream) => [stream.name, channel(stream)])),
    operations: Object.fromEntries(streams.map((stream) => [`say${capitalised(stream.name)}`, operation(stream)])),
    components: {
      messages: Object.fromEntries(
        streams.flatMap((stream) => stream.types.map((type) => [type, message(byName.get(type), stream)])),
      ),
      schemas: { Headers: headers, ...Object.fromEntries(messages.map((one) => [one.name, recordSchema(one)])) },
    },
  };
}

function channel(stream) {
  const stays = stream.compacted
    ? 'Compacted: the current state per key, taken by its version; a null value means erased.'
    : `Records stay ${stream.retentionHours} hours.`;
  return {
    address: stream.topic,
    description: `Ordered by ${stream.key}. ${stays}`,
    messages: Object.fromEntries(stream.types.map((type) => [type, ref(`components/messages/${type}`)])),
    bindings: kafka({ topic: stream.topic, partitions: stream.partitions, topicConfiguration: topicConfiguration(stream) }),
  };
}

const topicConfiguration = ({ compacted, retentionHours }) =>
  compacted ? { 'cleanup.policy': ['compact'] } : { 'cleanup.policy': ['delete'], 'retention.ms': retentionHours * hour };

function operation(stream) {
  return {
    action: 'send',
    title: `Said by ${stream.service}`,
    channel: ref(`channels/${stream.name}`),
    tags: [{ name: stream.service }],
    messages: stream.types.map((type) => ref(`channels/${stream.name}/messages/${type}`)),
  };
}

function message({ name, comment }, stream) {
  const payload = ref(`components/schemas/${name}`);
  return {
    name,
    title: name,
    ...(comment && { summary: comment.replaceAll('\n', ' ') }),
    contentType: 'application/json',
    headers: ref('components/schemas/Headers'),
    payload: stream.compacted ? { anyOf: [payload, { type: 'null' }] } : payload,
    bindings: kafka({ key: { type: 'string', description: keyDescription(stream) } }),
  };
}

const keyDescription = ({ key, opaqueKey }) =>
  opaqueKey ? `The value of ${key}, unchanged.` : `128 bits of a keyed hash of ${key}, the same for the same ${key} on every topic.`;

const text = (description) => ({ type: 'string', description });
const headers = {
  title: 'Headers',
  description: 'CloudEvents 1.0 in Kafka binary mode, and what a reader needs to hear every record once.',
  type: 'object',
  properties: {
    ce_specversion: { type: 'string', const: '1.0' },
    ce_id: text('Derived from the cause, never random: the same record said again has the same id.'),
    ce_type: text('The name of the message, such as OrderPlaced.'),
    ce_source: text('Who said it; the producer that ce_yunken counts for.'),
    ce_time: { type: 'string', format: 'date-time', description: 'When it was said.' },
    ce_subject: text('The key of the record.'),
    'content-type': { type: 'string', const: 'application/json' },
    traceparent: text('W3C Trace Context.'),
    ce_yunken: {
      type: 'string',
      pattern: '^[0-9]+$',
      description:
        'Grows within (partition, producer): a number not larger than one already heard is a repetition. Not for compacted topics.',
    },
    ce_yunkeepoch: text('The identity of the database the producer counts in. Another one than before: stop, and look.'),
  },
  required: ['ce_specversion', 'ce_id', 'ce_type', 'ce_source', 'ce_time', 'content-type'],
};
