import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createFileRegistry, fromBinary, getOption, hasOption, ScalarType } from '@bufbuild/protobuf';
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';

/**
 * What the other files of this folder work on.
 * @typedef {{ topic: string, key: string, partitions: number, retentionHours: number, compacted: boolean,
 *   opaqueKey: boolean }} StreamOption
 * @typedef {{ name: string, json: string, kind: string, message?: string, optional: boolean, repeated: boolean, comment: string,
 *   personal: boolean, values: string[], maxItems: number, decimal: boolean }} Field
 * @typedef {{ name: string, package: string, service: string, version: string, comment: string, fields: Field[],
 *   stream?: StreamOption }} Message
 */

const kinds = new Map([
  [ScalarType.STRING, 'string'],
  [ScalarType.BOOL, 'bool'],
  [ScalarType.INT32, 'int32'],
  [ScalarType.UINT32, 'uint32'],
  [ScalarType.INT64, 'int64'],
]);
const wellKnown = new Map([
  ['google.protobuf.Timestamp', 'timestamp'],
  ['google.protobuf.Struct', 'struct'],
]);

/** @returns {Message[]} Every message of the `yunke.*` packages in a folder of .proto files or an image, as plain objects, in the order of the files. */
export function readMessages(root, proto) {
  return messagesOf(createFileRegistry(fromBinary(FileDescriptorSetSchema, buildImage(root, proto))));
}

function buildImage(root, proto) {
  const folder = mkdtempSync(join(tmpdir(), 'yunke-contracts-'));
  try {
    const image = join(folder, 'image.binpb');
    execFileSync(join(root, 'node_modules', '.bin', 'buf'), ['build', proto, '-o', image], { stdio: 'inherit' });
    return readFileSync(image);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** The messages of a registry; options are read through the extensions that the registry itself defines. */
export function messagesOf(registry) {
  const options = optionsOf(registry);
  const messages = [...registry.files]
    .filter((file) => file.proto.package.startsWith('yunke.') && file.proto.package !== 'yunke.options.v1')
    .flatMap((file) => messagesOfFile(file, options));
  // Types, schemas and the `ce_type` header use the short name, so it must say enough.
  for (const { name } of messages) {
    const same = messages.filter((other) => other.name === name);
    if (same.length > 1) throw new Error(`${name} is defined in ${same.map((one) => one.package).join(' and ')}: names must be unique`);
  }
  return messages.sort((a, b) => (a.package < b.package ? -1 : a.package > b.package ? 1 : 0));
}

function optionsOf(registry) {
  const extension = (name) => {
    const found = registry.getExtension(`yunke.options.v1.${name}`);
    if (!found) throw new Error(`yunke/options/v1/options.proto does not define ${name}`);
    return found;
  };
  return Object.fromEntries(['stream', 'personal', 'values', 'max_items', 'decimal'].map((name) => [name, extension(name)]));
}

function messagesOfFile(file, options) {
  if (file.enums.length > 0) throw new Error(`${file.name}: a closed set is a string with values, not an enum`);
  const [, service, version] = /^yunke\.([a-z]+)\.(v\d+)$/.exec(file.proto.package) ?? [];
  if (!service) throw new Error(`${file.name}: package ${file.proto.package} is not yunke.<service>.v<n>`);
  const comments = commentsOf(file);
  return file.messages.map((message, index) => {
    if (message.nestedMessages.length + message.nestedEnums.length + message.oneofs.length > 0) {
      throw new Error(`${message.typeName}: contracts are flat, without nested types and oneofs`);
    }
    return {
      name: message.name,
      package: file.proto.package,
      service,
      version,
      comment: comments(4, index),
      fields: message.fields.map((field, at) => ({ ...fieldOf(field, options), comment: comments(4, index, 2, at) })),
      stream: hasOption(message, options.stream) ? getOption(message, options.stream) : undefined,
    };
  });
}

/** Leading comments by descriptor path (4 = message_type, 2 = field), without the space that follows `//`. */
function commentsOf(file) {
  const locations = file.proto.sourceCodeInfo?.location ?? [];
  const byPath = new Map(locations.map((location) => [location.path.join('.'), location.leadingComments]));
  return (...path) => (byPath.get(path.join('.')) ?? '').split('\n').map((line) => line.trim()).join('\n').trim();
}

function fieldOf(field, options) {
  const option = (name) => getOption(field, options[name]);
  const result = {
    name: field.name,
    json: field.jsonName,
    ...kindOf(field),
    optional: field.proto.proto3Optional,
    repeated: field.fieldKind === 'list',
    personal: option('personal'),
    values: option('values'),
    maxItems: option('max_items') || 1000,
    decimal: option('decimal'),
  };
  if ((result.values.length > 0 || result.decimal) && result.kind !== 'string') {
    throw new Error(`${field.toString()}: values and decimal are options of strings`);
  }
  return result;
}

function kindOf(field) {
  const message = field.message;
  const kind = message ? (wellKnown.get(message.typeName) ?? 'message') : kinds.get(field.scalar);
  if (!kind || field.fieldKind === 'map') throw new Error(`${field.toString()}: this type has no form in the contracts`);
  return kind === 'message' ? { kind, message: message.name } : { kind };
}
