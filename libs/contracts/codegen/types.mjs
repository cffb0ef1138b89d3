import { personalFieldsOf } from './streams.mjs';

const header = '// Generated from proto/ by libs/contracts/codegen; do not edit.\n';

const primitives = {
  string: 'string',
  bool: 'boolean',
  int32: 'number',
  uint32: 'number',
  int64: 'string',
  timestamp: 'string',
  struct: 'Record<string, unknown>',
};

/** The source of `types.ts`: one type per message, of its canonical JSON form. */
export function typesSource(messages) {
  const streamed = messages.filter((message) => message.stream);
  return [
    header,
    ...messages.map(typeOf),
    '/** Every message that travels on a topic, by the name in its `ce_type`. */',
    'export type Messages = {',
    ...streamed.map(({ name }) => `  ${name}: ${name};`),
    '};',
    '',
  ].join('\n');
}

function typeOf(message) {
  const fields = message.fields.map(
    (field) => `${docstring(field.comment, '  ')}  ${field.json}${optional(field)}: ${typeOfField(field)};`,
  );
  return `${docstring(message.comment, '')}export type ${message.name} = {\n${fields.join('\n')}\n};\n`;
}

const optional = (field) => (!field.repeated && (field.optional || field.kind === 'struct') ? '?' : '');

function typeOfField({ kind, message, values, repeated }) {
  const one = kind === 'message' ? message : values.length > 0 ? values.map(literal).join(' | ') : primitives[kind];
  return repeated ? (values.length > 0 ? `(${one})[]` : `${one}[]`) : one;
}

/** The source of `streams.ts`: one constant per topic, and the table of them. */
export function streamsSource(streams, messages) {
  const types = streams.flatMap((stream) => stream.types);
  return [
    header,
    `import type { Stream } from '../stream.js';`,
    `import type {\n${types.map((type) => `  ${type},`).join('\n')}\n} from './types.js';\n`,
    ...streams.map(streamConstant),
    '/** Every topic of the platform, by the name that code uses. */',
    `export const streams = {\n${streams.map(({ name }) => `  ${name},`).join('\n')}\n} as const;\n`,
    '/** Dotted paths of the personal fields of every message. */',
    'export const personal: Readonly<Record<string, readonly string[]>> = {',
    ...messages.map((message) => `  ${message.name}: ${list(personalFieldsOf(message, messages))},`),
    '};',
    '',
  ].join('\n');
}

function streamConstant(stream) {
  const members = stream.types.map((type) => `  ${type}: ${type};\n`).join('');
  return `export const ${stream.name}: Stream<{\n${members}}> = {
  name: ${literal(stream.name)},
  topic: ${literal(stream.topic)},
  service: ${literal(stream.service)},
  key: ${literal(stream.key)},
  partitions: ${stream.partitions},
  retentionHours: ${stream.retentionHours},
  compacted: ${stream.compacted},
  opaqueKey: ${stream.opaqueKey},
  types: ${list(stream.types)},
  personal: ${list(stream.personal)},
};
`;
}

const literal = (text) => `'${text.replace(/[\\']/g, '\\$&')}'`;
const list = (texts) => `[${texts.map(literal).join(', ')}]`;

function docstring(comment, indent) {
  if (!comment) return '';
  const lines = comment.replaceAll('*/', '*\\/').split('\n');
  if (lines.length === 1) return `${indent}/** ${lines[0]} */\n`;
  return `${indent}/**\n${lines.map((line) => `${indent} * ${line}`.trimEnd()).join('\n')}\n${indent} */\n`;
}
