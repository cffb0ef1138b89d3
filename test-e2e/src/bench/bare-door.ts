import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

import { Pool } from 'pg';

import { answerWith } from './worker.js';

type Batch = { observations: { messageId: string }[] };

const CONNECTIONS = 4;

/**
 * The least that a door can do: node's own http server, JSON.parse, a filter of duplicates, and an answer after the commit.
 * It checks nothing, keeps no event and says nothing on.
 */
answerWith<{ readonly databaseUrl: string }>(async ({ databaseUrl }) => {
  const pool = new Pool({ connectionString: databaseUrl, max: CONNECTIONS });
  await pool.query('create table seen (source text not null, message_id text not null, accepted_at timestamptz not null default clock_timestamp(), primary key (source, message_id))');
  const server = createServer((request, response) => void take(pool, request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/` };
});

async function take(pool: Pool, request: IncomingMessage, response: ServerResponse): Promise<void> {
  try {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const { observations } = JSON.parse(Buffer.concat(chunks).toString()) as Batch;
    const { rowCount } = await pool.query({
      name: 'take', text: `insert into seen (source, message_id) select 'shop', id from unnest($1::text[]) as id order by id on conflict do nothing returning 1`,
      values: [observations.map(({ messageId }) => messageId)],
    });
    response.writeHead(202, { 'content-type': 'application/json' }).end(JSON.stringify({ accepted: rowCount }));
  } catch (error) {
    response.writeHead(500).end(String(error));
  }
}
