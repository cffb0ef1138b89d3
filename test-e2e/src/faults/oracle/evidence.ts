import { Client } from 'pg';

/** What the oracle may look at: databases, topics and the API, never our code. */
export type Evidence = {
  readonly brokers: string;
  readonly services: readonly string[];
  readonly databaseUrl: (name: string) => string;
  readonly ordersUrl: () => string;
  readonly apiToken: string;
};

export async function query<R>(url: string, sql: string, params: readonly unknown[] = []): Promise<R[]> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(sql, params as unknown[])).rows as R[];
  } finally {
    await client.end();
  }
}
