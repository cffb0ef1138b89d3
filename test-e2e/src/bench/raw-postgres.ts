import { Client } from 'pg';

import type { EmbeddedPostgres } from '@yunke/postgres';

import { copyIn, copyText } from './copy-in.js';
import { spreadOf, sum, type Spread } from './figures.js';
import type { Flow } from './flow.js';
import { copyFunctions, likeTable, type LikeTable, type Rows } from './like-table.js';
import { nameOf, type Write, type Written } from './written-rows.js';
import { MEASURED, type MeasuredService } from './measured-services.js';

/** One way in which the pipeline writes one table: with real rows, measured in the fastest forms we know, not in the service's own. */
export type Shape = LikeTable & {
  readonly title: string;
  readonly write: Write;
  /** What a row stands for: 1, or the events packed into it. */
  readonly weightOf: (row: readonly (string | null)[]) => number;
  readonly rates: { copy: number[]; values: number[] };
};

const ROWS_PER_SHAPE = 10_000;
const ROWS_PER_TRANSACTION = 5_000;
const ROWS_PER_STATEMENT = 500;
const COMMITS_PER_ROUND = 100;
const SCRATCH = 'bench_floor';

/** A database of its own on the same server, in which every shape is written over and over. */
export class RawPostgres {
  /** How long one row and its commit took, in µs. */
  readonly commits: number[] = [];

  private constructor(private readonly scratch: Client, readonly shapes: readonly Shape[]) {}

  /** Of each kind of write a shape, if there are rows enough to measure it. */
  static async of(server: EmbeddedPostgres, flow: Flow, written: readonly Written[], outboxes: ReadonlyMap<MeasuredService, Rows>): Promise<RawPostgres> {
    await server.createDatabase(SCRATCH);
    const scratch = new Client({ connectionString: server.url(SCRATCH), application_name: 'bench-floor' });
    scratch.on('error', () => undefined); // when something else fails, the server ends before we do
    await scratch.connect();
    await scratch.query('set client_min_messages = warning; set check_function_bodies = off');
    for (const service of MEASURED) await copyFunctions(flow.database(service), scratch);
    const shapes: Shape[] = [];
    const rates = () => ({ copy: [], values: [] });
    for (const one of written) {
      const table = await likeTable(flow.database(one.service), scratch, { table: one.table, name: nameOf(one), limit: ROWS_PER_SHAPE });
      if (table.rows.length >= ROWS_PER_STATEMENT) shapes.push({ ...table, title: nameOf(one), write: one.write, weightOf: () => 1, rates: rates() });
    }
    for (const [service, rows] of outboxes) {
      const table = await likeTable(flow.database(service), scratch, { table: 'outbox', name: titleOfOutbox(service), limit: 0, rows });
      const events = table.columns.indexOf('events');
      if (rows.length > 0) shapes.push({ ...table, title: titleOfOutbox(service), write: 'insert', weightOf: (row) => Number(row[events]), rates: rates() });
    }
    for (const { name, columns } of shapes) await scratch.query(`create temp table "t ${name}" on commit delete rows as select ${list(columns)} from "${name}" with no data`);
    return new RawPostgres(scratch, shapes);
  }

  /** Measures every shape once, in each of its forms. */
  async round(): Promise<void> {
    await this.scratch.query('create table if not exists "commits" (n int)');
    for (let n = 0; n < COMMITS_PER_ROUND; n += 1) {
      const startedAt = performance.now();
      await this.scratch.query('insert into "commits" values (1)');
      this.commits.push((performance.now() - startedAt) * 1_000);
    }
    for (const shape of this.shapes) {
      shape.rates.copy.push(await this.#timed(shape, (rows) => this.#copyAndMerge(shape, rows)));
      if (shape.write !== 'delete') shape.rates.values.push(await this.#timed(shape, (rows) => this.#prepared(shape, rows)));
    }
  }

  async close(): Promise<void> {
    await this.scratch.end();
  }

  async #timed(shape: Shape, writeOut: (rows: Rows) => Promise<void>): Promise<number> {
    const { name, rows, write, weightOf } = shape;
    await this.scratch.query(`truncate "${name}"`);
    if (write !== 'insert') await copyIn(this.scratch, `copy "${name}" (${list(shape.columns)}) from stdin`, copyText(rows));
    const startedAt = performance.now();
    for (const batch of batchesOf(shape)) {
      await this.scratch.query('begin');
      await writeOut(batch);
      await this.scratch.query('commit');
    }
    return sum(rows.map(weightOf)) / ((performance.now() - startedAt) / 1_000);
  }

  async #copyAndMerge({ name, columns, key, write }: Shape, rows: Rows): Promise<void> {
    const used = write === 'delete' ? key : columns;
    const places = used.map((column) => columns.indexOf(column));
    await copyIn(this.scratch, `copy "t ${name}" (${list(used)}) from stdin`, copyText(write === 'delete' ? rows.map((row) => places.map((place) => row[place]!)) : rows));
    if (write === 'delete') await this.scratch.query(`delete from "${name}" t using "t ${name}" gone where ${key.map((column) => `t."${column}" = gone."${column}"`).join(' and ')}`);
    else await this.scratch.query(`insert into "${name}" (${list(columns)}) select ${list(columns)} from "t ${name}" ${onConflict({ columns, key, write })}`);
  }

  async #prepared({ name, columns, key, write }: Shape, rows: Rows): Promise<void> {
    for (let at = 0; at < rows.length; at += ROWS_PER_STATEMENT) {
      const some = rows.slice(at, at + ROWS_PER_STATEMENT);
      const values = some.map((_, row) => `(${columns.map((__, column) => `$${row * columns.length + column + 1}`).join(',')})`).join(',');
      await this.scratch.query({ name: `${name} ${some.length}`, text: `insert into "${name}" (${list(columns)}) values ${values} ${onConflict({ columns, key, write })}`, values: some.flat() });
    }
  }
}

/** What an outbox's shape is called; its unit is the event. */
export const titleOfOutbox = (service: MeasuredService): string => `${service}.outbox events`;

/** The rate of the faster form. */
export function fastest({ rates }: Shape): { form: 'COPY + merge' | 'prepared VALUES'; rate: Spread } {
  const [copy, values] = [spreadOf(rates.copy), rates.values.length > 0 ? spreadOf(rates.values) : undefined];
  return values && values.median > copy.median ? { form: 'prepared VALUES', rate: values } : { form: 'COPY + merge', rate: copy };
}

/** By the weight of the rows: five thousand rows, or packed rows of five thousand events. */
function batchesOf({ rows, weightOf }: Shape): Rows[number][][] {
  const batches: Rows[number][][] = [[]];
  let weight = 0;
  for (const row of rows) {
    if (weight >= ROWS_PER_TRANSACTION) {
      batches.push([]);
      weight = 0;
    }
    batches.at(-1)!.push(row);
    weight += weightOf(row);
  }
  return batches;
}

const list = (columns: readonly string[]): string => columns.map((column) => `"${column}"`).join(', ');

function onConflict({ columns, key, write }: Pick<Shape, 'columns' | 'key' | 'write'>): string {
  const rest = columns.filter((column) => !key.includes(column));
  if (write === 'insert' || rest.length === 0 || key.length === 0) return 'on conflict do nothing';
  return `on conflict (${list(key)}) do update set ${rest.map((column) => `"${column}" = excluded."${column}"`).join(', ')}`;
}
