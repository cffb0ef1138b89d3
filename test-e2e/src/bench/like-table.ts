import type { Client } from 'pg';

/** A table of the scratch database with the columns, indexes and storage settings of a real one, and some of its rows as text. */
export type LikeTable = {
  readonly name: string;
  readonly columns: readonly string[];
  readonly key: readonly string[];
  readonly rows: readonly (readonly (string | null)[])[];
};

export type Rows = LikeTable['rows'];
type Column = { name: string; type: string; stored: string; identity: boolean; key: boolean };

/** Makes it, with at most `limit` rows read from the real one (or with those given). It is empty. */
export async function likeTable(source: Client, scratch: Client, { table, name, limit, rows }: { table: string; name: string; limit: number; rows?: Rows }): Promise<LikeTable> {
  const columns = await columnsOf(source, table);
  const { rows: [storage] } = await source.query<{ options: string | null }>(`select array_to_string(reloptions, ', ') as options from pg_class where oid = $1::regclass`, [table]);
  const definitions = columns.map((column) => `"${column.name}" ${column.type} ${column.stored}${column.identity ? ' generated always as identity' : ''}`);
  await scratch.query(`create table "${name}" (${definitions.join(', ')})${storage!.options ? ` with (${storage!.options})` : ''}`);
  const indexes = await source.query<{ definition: string }>('select pg_get_indexdef(indexrelid) as definition from pg_index where indrelid = $1::regclass', [table]);
  for (const { definition } of indexes.rows) await scratch.query(definition.replace(/INDEX \S+ ON \S+ /, `INDEX ON "${name}" `));
  const given = columns.filter(({ identity }) => !identity);
  const key = given.filter((column) => column.key).map((column) => column.name);
  const named = given.map((column) => column.name);
  return { name, columns: named, key, rows: rows ?? (await sample(source, { table, columns: named, limit })) };
}

/** The functions that indexes may use. */
export async function copyFunctions(source: Client, scratch: Client): Promise<void> {
  const { rows } = await source.query<{ definition: string }>(`select pg_get_functiondef(oid) as definition from pg_proc where pronamespace = 'public'::regnamespace and prokind = 'f'`);
  for (const { definition } of rows) await scratch.query(definition);
}

/** Rows of a table as `likeTable` takes them. */
export async function sampleOf(source: Client, table: string, limit: number): Promise<Rows> {
  const columns = (await columnsOf(source, table)).filter(({ identity }) => !identity).map(({ name }) => name);
  return sample(source, { table, columns, limit });
}

async function columnsOf(source: Client, table: string): Promise<Column[]> {
  const { rows } = await source.query<Column>(
    `select a.attname as name, format_type(a.atttypid, a.atttypmod) as type, a.attidentity <> '' as identity, coalesce(a.attnum = any(p.indkey), false) as key,
       concat_ws(' ',
         case when a.attstorage <> t.typstorage then 'storage ' || case a.attstorage when 'p' then 'plain' when 'e' then 'external' when 'm' then 'main' else 'extended' end end,
         case a.attcompression when 'p' then 'compression pglz' when 'l' then 'compression lz4' end) as stored
     from pg_attribute a join pg_type t on t.oid = a.atttypid left join pg_index p on p.indrelid = a.attrelid and p.indisprimary
     where a.attrelid = $1::regclass and a.attnum > 0 and not a.attisdropped order by a.attnum`, [table]);
  return rows;
}

/** Values as Postgres writes them, sorted by the first column: batches that go in by key cost less. */
async function sample(source: Client, { table, columns, limit }: { table: string; columns: readonly string[]; limit: number }): Promise<(string | null)[][]> {
  const list = columns.map((column) => `"${column}"`).join(', ');
  const { rows } = await source.query<(string | null)[]>({ text: `select ${list} from "${table}" limit ${limit}`, rowMode: 'array', types: { getTypeParser: () => (value: string) => value } as never });
  return rows.sort((a, b) => ((a[0] ?? '') < (b[0] ?? '') ? -1 : 1));
}
