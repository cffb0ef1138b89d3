type Holds = 'text' | 'whole' | 'uuid';
const TYPES: Record<Holds, string> = { text: 'text', whole: 'bigint', uuid: 'uuid' };

export type Column = readonly [sql: string, holds: Holds];

/** A list that is sorted by one of `sorts`, then by `key`, which no two of its rows share. The names are those of its rows' fields. */
export type Listing = { readonly sorts: Readonly<Record<string, Column>>; readonly key: Readonly<Record<string, Column>> };

/** Where a row stands in a list: the value of what it is sorted by, and its key. */
export type Place = Readonly<Record<string, string | number>>;

export type Sorted<L extends Listing> = { readonly sort: keyof L['sorts'] & string; readonly order: 'asc' | 'desc'; readonly limit: number; readonly after?: Place };

const columnsOf = ({ sorts, key }: Listing, sort: string): (readonly [field: string, Column])[] => [['value', sorts[sort]!], ...Object.entries(key)];

/** What each field of a list's places holds. */
export const shapeOf = (listing: Listing, sort: string): Record<string, Holds> => Object.fromEntries(columnsOf(listing, sort).map(([field, [, holds]]) => [field, holds]));

export function placeOfRow({ key }: Listing, sort: string, row: Readonly<Record<string, unknown>>): object {
  return { value: row[sort], ...Object.fromEntries(Object.keys(key).map((field) => [field, row[field]])) };
}

/** The end of a page's query: the condition `behind` the place, and how it is `sorted`. Its parameters come after the `given` ones. */
export function paged<L extends Listing>(listing: L, { sort, order, limit, after }: Sorted<L>, given: readonly unknown[]): { readonly behind: string; readonly sorted: string; readonly parameters: unknown[] } {
  const columns = columnsOf(listing, sort).map(([field, [sql, holds]], index) => ({ field, sql, parameter: `$${given.length + 1 + index}::${TYPES[holds]}` }));
  const [mine, theirs] = [columns.map(({ sql }) => sql).join(', '), columns.map(({ parameter }) => parameter).join(', ')];
  return {
    behind: `(${columns[0]!.parameter} is null or (${mine}) ${order === 'asc' ? '>' : '<'} (${theirs}))`,
    sorted: `order by ${columns.map(({ sql }) => `${sql} ${order}`).join(', ')} limit $${given.length + 1 + columns.length}`,
    parameters: [...given, ...columns.map(({ field }) => after?.[field] ?? null), limit],
  };
}
