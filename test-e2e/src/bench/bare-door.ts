import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

import { Pool } from 'pg';

import { answerWith } from './worker.js';

type Batch = { observations: { messageId: string }[] };

const CONNECTIONS = 4;

/**
 * The least that a door can do: node's own http server, JSON.parse, a filter of duplicates, and an answer after the commit. It
 * checks nothing and says nothing on. `keeps`: the bodies too, as they came, without which no 202 could mean that they are stored.
 */
answerWith<{ readonly databaseUrl: string; readonly keeps: boolean }>(async ({ databaseUrl, keeps }) => {
  const pool = new Pool({ connectionString: databaseUrl, max: CONNECTIONS });
  await pool.query('create table seen (source text not null, message_id text not null, accepted_at timestamptz not null default clock_timestamp(), primary key (source, message_id))');
  await pool.query('create table bodies (id bigint generated always as identity primary key, body text not null); alter table bodies alter column body set storage external');
  const server = createServer((request, response) => void take({ pool, keeps }, request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/` };
});

const SEEN = `insert into seen (source, message_id) select 'shop', id from unnest($1::text[]) as id order by id on conflict do nothing returning 1`;

async function take({ pool, keeps }: { pool: Pool; keeps: boolean }, request: IncomingMessage, response: ServerResponse): Promise<void> {
  try {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks).toString();
    const ids = (JSON.parse(body) as Batch).observations.map(({ messageId }) => messageId);
    const { rowCount } = await pool.query(keeps
      ? { name: 'keep', text: `with kept as (insert into bodies (body) values ($2)) ${SEEN}`, values: [ids, body] }
      : { name: 'take', text: SEEN, values: [ids] });
    response.writeHead(202, { 'content-type': 'application/json' }).end(JSON.stringify({ accepted: rowCount }));
  } catch (error) {
    response.writeHead(500).end(String(error));
  }
}
