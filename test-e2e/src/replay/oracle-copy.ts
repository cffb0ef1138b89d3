import { createReadStream } from 'node:fs';
import { createGunzip } from 'node:zlib';

import type { Client, Connection, Submittable } from 'pg';

/** The part of the driver's connection that copies; its types leave it out. */
type CopyingConnection = Connection & { sendCopyFromChunk(chunk: Buffer): void; endCopyFrom(): void; sendCopyFail(message: string): void };

/** Streams a gzipped file into `copy … from stdin`: the server parses it, no reader of ours. */
export function copyFile(client: Client, sql: string, file: string): Promise<void> {
  return new Promise((resolve, reject) => {
    let failure: Error | undefined;
    const copying = {
      submit: (connection: Connection) => connection.query(sql),
      handleCopyInResponse: (connection: CopyingConnection) => void pour(file, connection).then(() => connection.endCopyFrom(), (error: Error) => {
        failure = error;
        connection.sendCopyFail('the file cannot be read');
      }),
      handleError: (error: Error) => reject(failure ?? error),
      handleReadyForQuery: () => resolve(),
      handleCommandComplete: () => undefined,
      handleEmptyQuery: () => undefined,
    };
    client.query(copying as Submittable);
  });
}

async function pour(file: string, connection: CopyingConnection): Promise<void> {
  const source = createReadStream(file);
  const unpacked = createGunzip();
  source.once('error', (error) => unpacked.destroy(error)).pipe(unpacked);
  for await (const chunk of unpacked as AsyncIterable<Buffer>) {
    connection.sendCopyFromChunk(chunk);
    if (connection.stream.writableNeedDrain) await new Promise((resolve) => connection.stream.once('drain', resolve));
  }
}
