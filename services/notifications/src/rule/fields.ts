import { schemas, streams } from '@yunke/contracts';

/** The facts that a rule may be about: those of the streams that intent.handlers.ts hears. */
export const FACTS: readonly string[] = [streams.ordersChanges, streams.segmentationChanges, streams.inventoryAlerts].flatMap(({ types }) => types);

type Schema = { readonly $ref?: string; readonly allOf?: readonly Schema[]; readonly items?: Schema; readonly properties?: Readonly<Record<string, Schema>>; readonly enum?: readonly unknown[]; readonly format?: string; readonly type?: unknown };

/** Dotted paths of all fields of a fact, those of lists and of what they hold included: `order.refunds`, `order.refunds.at`. */
export function fieldsOf(fact: string): ReadonlySet<string> {
  const found = new Set<string>();
  const walk = (schema: Schema, path: string): void => {
    const inner = [...(schema.$ref ? [schemas[nameIn(schema.$ref)] as Schema] : []), ...(schema.allOf ?? []), ...(schema.items ? [schema.items] : [])];
    for (const one of inner) walk(one, path);
    for (const [name, field] of Object.entries(schema.properties ?? {})) {
      if (path === '' && name === 'type') continue; // the name of the message, which is no field of it
      found.add(`${path}${name}`);
      walk(field, `${path}${name}.`);
    }
  };
  walk((schemas[fact] ?? {}) as Schema, '');
  return found;
}

/** The message that a reference points at: `https://yunke.dev/schemas/Refund.v1.json`. */
const nameIn = (reference: string): string => /([^/.]+)\.v\d+\.json$/.exec(reference)![1]!;

/** The value at a dotted path of own fields; undefined where there is none. */
export function valueAt(body: unknown, path: string): unknown {
  let value = body;
  for (const name of path.split('.')) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined;
    value = (value as Record<string, unknown>)[name];
  }
  return value;
}

/** A made-up fact, to try a template or a condition on: every field with a value that its contract allows. */
export function sampleOf(fact: string): object {
  const make = (schema: Schema, name: string): unknown => {
    if (schema.$ref) return make(schemas[nameIn(schema.$ref)] as Schema, name);
    if (schema.allOf) return make(schema.allOf[0]!, name);
    if (schema.items) return [make(schema.items, name)];
    if (schema.properties) return Object.fromEntries(Object.entries(schema.properties).filter(([field]) => field !== 'type').map(([field, one]) => [field, make(one, field)]));
    if (schema.enum) return schema.enum[0];
    if (schema.format === 'timestamp') return '2026-03-01T09:30:00.000Z';
    if (name === 'currency') return 'CNY';
    return [schema.type].flat().includes('integer') ? '12800' : [schema.type].flat().includes('boolean') ? true : name;
  };
  return make((schemas[fact] ?? { properties: {} }) as Schema, fact) as object;
}
