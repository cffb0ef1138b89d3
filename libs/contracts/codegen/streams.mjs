const camel = (text) => text.replace(/[-_.]([a-z0-9])/g, (_, letter) => letter.toUpperCase());
const said = ['key', 'partitions', 'retentionHours', 'compacted', 'opaqueKey'];

/** The table of streams: one entry per topic with what all its messages agree on. @throws when they do not agree */
export function streamsOf(messages) {
  const streamed = messages.filter((message) => message.stream);
  const topics = [...new Set(streamed.map((message) => message.stream.topic))];
  const streams = topics.map((topic) => streamOf(topic, streamed.filter((message) => message.stream.topic === topic), messages));
  for (const { name, topic } of streams) {
    const other = streams.find((stream) => stream.name === name && stream.topic !== topic);
    if (other) throw new Error(`${topic} and ${other.topic} would both be called ${name}`);
  }
  return streams;
}

function streamOf(topic, members, messages) {
  const [first] = members;
  for (const member of members) {
    checkTopic(topic, member);
    checkKey(topic, member);
    for (const property of said) {
      if (member.stream[property] !== first.stream[property]) {
        throw new Error(
          `${topic}: ${first.name} says ${property} ${first.stream[property]}, ${member.name} says ${member.stream[property]}`,
        );
      }
    }
  }
  const { key, partitions, retentionHours, compacted, opaqueKey } = first.stream;
  if (partitions < 1) throw new Error(`${topic}: partitions must be at least 1`);
  if (!compacted && retentionHours < 1) throw new Error(`${topic}: retention_hours must be at least 1, or the topic compacted`);
  return {
    name: nameOf(topic),
    topic,
    service: first.service,
    key: first.fields.find((field) => field.name === key).json,
    partitions,
    retentionHours,
    compacted,
    opaqueKey,
    types: members.map((member) => member.name),
    personal: [...new Set(members.flatMap((member) => personalFieldsOf(member, messages)))],
  };
}

function checkTopic(topic, { name, package: packageName, service, version }) {
  const [, owner, , itsVersion] = /^yunke\.([a-z]+)\.([a-z][a-z0-9-]*)\.(v\d+)$/.exec(topic) ?? [];
  if (!owner) throw new Error(`${name}: topic ${topic} is not yunke.<service>.<stream>.v<n>`);
  if (owner !== service || itsVersion !== version) throw new Error(`${name}: topic ${topic} does not belong to package ${packageName}`);
}

function checkKey(topic, { name, stream, fields }) {
  const field = fields.find((one) => one.name === stream.key);
  if (!field) throw new Error(`${topic}: ${name} has no field ${stream.key}, which is the key of the stream`);
  if (field.kind !== 'string' || field.repeated || field.optional) {
    throw new Error(`${topic}: the key ${stream.key} of ${name} must be a string that is always there`);
  }
  // A publisher's body names the message in `type`, beside its fields.
  if (fields.some((one) => one.json === 'type')) throw new Error(`${name}: a message with a stream has no field called type`);
}

/** `yunke.ingestion.order-observations.v1` → orderObservations, `yunke.orders.changes.v1` → ordersChanges. */
function nameOf(topic) {
  const [, service, stream] = topic.split('.');
  return service === 'ingestion' ? camel(stream) : camel(`${service}.${stream}`);
}

/** Dotted paths of the personal fields of a message, those of nested messages included: `order.subject`, `identifiers.value`. */
export function personalFieldsOf(message, messages) {
  return message.fields.flatMap((field) => {
    if (field.personal) return [field.json];
    if (field.kind !== 'message') return [];
    const nested = messages.find(({ name, package: packageName }) => name === field.message && packageName === message.package);
    return personalFieldsOf(nested, messages).map((path) => `${field.json}.${path}`);
  });
}
