import { schemas, streams } from '@yunke/contracts';

/** The facts that a rule may be about: those of the streams that intent.handlers.ts hears. */
export const FACTS: readonly string[] = [streams.ordersChanges, streams.segmentationChanges, streams.inventoryAlerts].flatMap(({ types }) => types);

type Schema = { readonly $ref?: string; readonly allOf?: readonly Schema[]; readonly items?: Schema; readonly properties?: Readonly<Record<string, Schema>> };

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
