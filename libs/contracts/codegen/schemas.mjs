/** Where the schema of a message is found. */
export const schemaId = (message) => `https://yunke.dev/schemas/${message.name}.${message.version}.json`;

// What the door stamps or finds out; a publisher need not say it.
const stampedByTheDoor = new Set(['accepted_at', 'source', 'verified', 'history', 'subject', 'total_minor']);
const longestText = 4096;
const longestId = 200;
const largest = 9e15;

/** The source of `schemas.ts`: the JSON Schema of every message, as a publisher's body is checked against it. */
export function schemasSource(messages) {
  const schemas = Object.fromEntries(messages.map((message) => [message.name, bodySchema(message)]));
  return `// Generated from proto/ by libs/contracts/codegen; do not edit.

/** The JSON Schema (draft-07) of every message, by its name. */
export const schemas: Readonly<Record<string, Readonly<Record<string, unknown>>>> = ${JSON.stringify(schemas, null, 2)};
`;
}

/** What a publisher may send: unknown fields are refused, numbers and texts are bounded. */
export function bodySchema(message) {
  const required = message.fields.filter((field) => isAlwaysThere(field) && field.kind !== 'bool' && !stampedByTheDoor.has(field.name));
  return {
    $schema: 'http://json-schema.org/draft-07/schema#',
    $id: schemaId(message),
    title: message.name,
    ...describe(message),
    type: 'object',
    // A body names its message beside the fields: {"type":"OrderObserved","orderId":…}.
    properties: {
      ...(message.stream && { type: { const: message.name } }),
      ...properties(message, (field) => bodyValue(field, message)),
    },
    required: required.map((field) => field.json),
    additionalProperties: false,
  };
}

/** What a reader finds on a topic: everything that is not optional is there, and unknown fields are to be ignored. */
export function recordSchema(message) {
  return {
    title: message.name,
    ...describe(message),
    type: 'object',
    properties: properties(message, recordValue),
    required: message.fields.filter((field) => field.repeated || isAlwaysThere(field)).map((field) => field.json),
  };
}

const isAlwaysThere = (field) => !field.repeated && !field.optional && field.kind !== 'struct';
const describe = ({ comment }) => (comment ? { description: comment.replaceAll('\n', ' ') } : {});

function properties(message, valueOf) {
  return Object.fromEntries(message.fields.map((field) => [field.json, property(field, valueOf)]));
}

function property(field, valueOf) {
  const value = valueOf(field);
  const marks = { ...describe(field), ...(field.personal && { 'x-personal': true }) };
  if (!field.repeated) return value.$ref ? { allOf: [value], ...marks } : { ...value, ...marks };
  return { type: 'array', items: value, maxItems: field.maxItems, ...marks };
}

function bodyValue(field, message) {
  switch (field.kind) {
    case 'string': return text(field, message);
    case 'bool': return { type: 'boolean' };
    case 'int32': return { type: 'integer', minimum: -(2 ** 31), maximum: 2 ** 31 - 1 };
    case 'uint32': return { type: 'integer', minimum: 0, maximum: 2 ** 32 - 1 };
    // The bounds hold for numbers, the format for texts.
    case 'int64': return { type: ['string', 'integer'], format: 'int64', pattern: '^-?[0-9]{1,16}$', minimum: -largest, maximum: largest };
    case 'timestamp': return { type: 'string', format: 'timestamp' };
    case 'struct': return { type: 'object' };
    default: return { $ref: schemaId({ name: field.message, version: message.version }) };
  }
}

function text({ name, values, decimal }, message) {
  if (values.length > 0) return { type: 'string', enum: values };
  if (decimal) return { type: 'string', pattern: '^-?[0-9]{1,15}(\\.[0-9]{1,10})?$' };
  const isId = /(^|_)(ids?|sku|warehouse|subjects?)$/.test(name) || message.name === 'Identifier' || name === message.stream?.key;
  return { type: 'string', maxLength: isId ? longestId : longestText };
}

function recordValue(field) {
  switch (field.kind) {
    case 'string': return field.values.length > 0 ? { type: 'string', enum: field.values } : { type: 'string' };
    case 'bool': return { type: 'boolean' };
    case 'int32':
    case 'uint32': return { type: 'integer' };
    case 'int64': return { type: 'string', format: 'int64' };
    case 'timestamp': return { type: 'string', format: 'date-time' };
    case 'struct': return { type: 'object' };
    default: return { $ref: `#/components/schemas/${field.message}` };
  }
}
