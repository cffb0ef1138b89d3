import type { Client, Submittable } from 'pg';

type Connection = { query(text: string): void; sendCopyFromChunk(chunk: Buffer): void; endCopyFrom(): void };

const CHUNK = 65_536;

/** `copy … from stdin` on a `pg` client, which leaves that to others: the text of all rows at once. */
class CopyIn implements Submittable {
  #error: Error | undefined;

  constructor(private readonly sql: string, private readonly text: Buffer, private readonly done: (error?: Error) => void) {}

  submit(connection: unknown): void {
    (connection as Connection).query(this.sql);
  }

  handleCopyInResponse(connection: Connection): void {
    for (let at = 0; at < this.text.length; at += CHUNK) connection.sendCopyFromChunk(this.text.subarray(at, at + CHUNK));
    connection.endCopyFrom();
  }

  handleError(error: Error): void {
    this.#error = error;
    this.done(error);
  }

  handleCommandComplete(): void {
    // the row count says nothing new
  }

  handleReadyForQuery(): void {
    if (!this.#error) this.done();
  }
}

/** Fills a table by `sql`, a `copy … from stdin`. */
export function copyIn(client: Client, sql: string, text: Buffer): Promise<void> {
  return new Promise((resolve, reject) => void client.query(new CopyIn(sql, text, (error) => (error ? reject(error) : resolve()))));
}

/** A value as the text format of COPY has it. */
function field(value: string | null): string {
  if (value === null) return '\\N';
  return /[\\\t\n\r]/.test(value) ? value.replace(/[\\\t\n\r]/g, (character) => ESCAPES[character]!) : value;
}

const ESCAPES: Record<string, string> = { '\\': '\\\\', '\t': '\\t', '\n': '\\n', '\r': '\\r' };

export const copyText = (rows: readonly (readonly (string | null)[])[]): Buffer => Buffer.from(rows.map((row) => `${row.map(field).join('\t')}\n`).join(''));
