import { types, type Connection, type FieldDef } from 'pg';

import { isPlanOutdated } from './errors.js';

type Value = string | Buffer | null;
/** A text and its parameters. With a name each connection prepares it once; without, it is sent as it is, and may be several statements. */
export type Statement = { readonly name?: string; readonly text: string; readonly values: readonly Value[] };
export type Named = Required<Statement>;
export const isNamed = (statement: Statement): statement is Named => statement.name !== undefined;
export type Answer = { readonly command: string; readonly rows: object[] };

const names = new Map<string, string>();
let made = 0;

/**
 * A statement that each connection prepares once, under a name that follows from its text: parsing and planning one of ours costs
 * more than a millisecond. Texts must be few and constant. Without parameters it is sent as it is.
 */
export function prepared(text: string, values: readonly unknown[]): Statement {
  if (values.length === 0) return { text, values: [] };
  let name = names.get(text);
  if (!name) names.set(text, (name = `yunke_${(made += 1)}`));
  return { name, text, values: values.map(valueOf) };
}

/** A migration changed what a prepared statement gives: all are prepared anew, under other names, and the transaction is tried again. */
export function forgetOutdated(error: unknown): void {
  if (isPlanOutdated(error)) names.clear();
}

/** A parameter as Postgres reads it. @throws TypeError for an array of what is neither text, number, boolean nor null */
function valueOf(value: unknown): Value {
  if (value === null || value === undefined) return null;
  if (typeof value === 'string' || Buffer.isBuffer(value)) return value;
  if (Array.isArray(value)) return arrayLiteral(value);
  if (value instanceof Date) return value.toISOString();
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

/** A flat array as Postgres reads one, in one pass. */
function arrayLiteral(values: readonly unknown[]): string {
  let literal = '{';
  for (const value of values) {
    if (literal.length > 1) literal += ',';
    if (typeof value === 'string') literal += `"${NEEDS_ESCAPE.test(value) ? value.replace(/["\\]/g, '\\$&') : value}"`;
    else if (value === null || value === undefined) literal += 'NULL';
    else if (typeof value === 'number' || typeof value === 'boolean') literal += String(value);
    else throw new TypeError('An array parameter holds texts, numbers, booleans and nulls.');
  }
  return `${literal}}`;
}

const NEEDS_ESCAPE = /["\\]/;

/** How rows of a statement are read. */
type Shape = { readonly names: readonly string[]; readonly readers: readonly ((text: string) => unknown)[]; readonly empty: object };
const NO_ROWS: Shape = { names: [], readers: [], empty: {} };

function shapeOf(fields: readonly FieldDef[]): Shape {
  const shape = { names: fields.map(({ name }) => name), readers: fields.map(({ dataTypeID }) => types.getTypeParser(dataTypeID, 'text') as (text: string) => unknown) };
  return { ...shape, empty: Object.fromEntries(shape.names.map((name) => [name, null])) };
}

/** What the driver's connection offers to those who send statements by themselves; `parsedStatements` and `submittedNamedStatements` are the driver's own notes. */
type Wire = {
  readonly stream: { cork(): void; uncork(): void };
  readonly parsedStatements: Record<string, string>;
  readonly submittedNamedStatements: Record<string, string>;
  query(text: string): void;
  parse(what: { name: string; text: string }): void;
  bind(what: { statement: string; values: readonly Value[] }): void;
  describe(what: { type: 'P'; name: '' }): void;
  execute(what: { portal: '' }): void;
  sync(): void;
  sendCopyFail(why: string): void;
};

const known = new WeakMap<Wire, Map<string, Shape>>();

/**
 * Statements that Postgres gets as one and answers as one: when one fails it skips the rest (a single Sync, "Extended Query" in the
 * manual's protocol chapter). The form of a statement's rows is asked for once a connection. The driver calls the methods.
 *
 * Not the driver's own Query: for each statement it writes functions to properties (`query.callback = () => …`), and V8 holds what is
 * written so for lasting. All that they see, every text sent and every row read, waited for a full collection.
 */
export class Statements {
  readonly #answers: Answer[] = [];
  #rows: object[] = [];
  #shape: Shape | undefined;
  #unreadable: Error | undefined;
  /** Of the connection, from `submit` on. */
  #shapes!: Map<string, Shape>;

  /** `done` is called once, or with an error more than once. */
  constructor(private readonly statements: readonly [Statement] | readonly Named[], private readonly done: (error: Error | undefined, answers: readonly Answer[]) => void) {}

  get #current(): Statement | undefined {
    return this.statements[this.#answers.length];
  }

  /** The driver asks for name and text when a statement has been parsed. */
  get name(): string | undefined {
    return this.#current?.name;
  }

  get text(): string | undefined {
    return this.#current?.text;
  }

  submit(connection: Connection): void {
    const wire = connection as unknown as Wire;
    let shapes = known.get(wire);
    if (!shapes) known.set(wire, (shapes = new Map()));
    this.#shapes = shapes;
    wire.stream.cork();
    try {
      for (const { name, text, values } of this.statements) {
        if (name === undefined) return wire.query(text);
        if (wire.parsedStatements[name] === undefined && wire.submittedNamedStatements[name] === undefined) {
          wire.parse({ name, text });
          wire.submittedNamedStatements[name] = text;
        }
        wire.bind({ statement: name, values });
        if (!shapes.has(name)) wire.describe({ type: 'P', name: '' });
        wire.execute({ portal: '' });
      }
      wire.sync();
    } finally {
      wire.stream.uncork();
    }
  }

  handleRowDescription({ fields }: { fields: readonly FieldDef[] }): void {
    this.#shape = shapeOf(fields);
  }

  /** Whoever throws here ends the process: what cannot be read is said at the end. */
  handleDataRow({ fields }: { fields: readonly (string | null)[] }): void {
    try {
      this.#shape ??= this.#shapes.get(this.name!)!;
      const { names, readers, empty } = this.#shape;
      const row: Record<string, unknown> = { ...empty };
      for (let at = 0; at < fields.length; at += 1) {
        const text = fields[at]!;
        if (text !== null) row[names[at]!] = readers[at]!(text);
      }
      this.#rows.push(row);
    } catch (error) {
      this.#unreadable ??= error as Error;
    }
  }

  handleCommandComplete({ text }: { text: string }): void {
    if (this.name !== undefined && !this.#shapes.has(this.name)) this.#shapes.set(this.name, this.#shape ?? NO_ROWS);
    this.#answers.push({ command: text.split(' ', 1)[0]!, rows: this.#rows });
    this.#rows = [];
    this.#shape = undefined;
  }

  handleEmptyQuery(): void {
    this.handleCommandComplete({ text: '' });
  }

  handleCopyInResponse(connection: Wire): void {
    connection.sendCopyFail('Nothing is copied here.');
  }

  /** What was skipped was not parsed either. */
  handleError(error: Error, { submittedNamedStatements }: Wire): void {
    for (const { name } of this.statements) delete submittedNamedStatements[name!];
    this.done(error, []);
  }

  handleReadyForQuery(): void {
    this.done(this.#unreadable, this.#answers);
  }
}
