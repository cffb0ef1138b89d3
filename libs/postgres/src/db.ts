import 'reflect-metadata';

import { DataSource, type MigrationInterface } from 'typeorm';
import { Query, type Pool, type PoolClient, type QueryConfig, type QueryResult } from 'pg';

import { clockOffset, type Millis } from '@yunke/kernel';

import { SILENCE, isSilence } from './errors.js';
import { forgetOutdated, prepared } from './statement.js';
import { tlsOf } from './tls.js';

export type MigrationClass = new () => MigrationInterface;

export type DbOptions = {
  /** Its `sslmode` is obeyed, see {@link tlsOf}. */
  readonly url: string;
  /** PEM; what the server's certificate is checked against. */
  readonly ca?: string;
  readonly applicationName: string;
  readonly migrations?: readonly MigrationClass[];
  readonly poolSize?: number;
  /** How long a statement may stay without an answer: longer than the server lets any run, so that only a connection that fell silent is given up. */
  readonly answerWithinMs?: number;
};

/** Milliseconds after which the server ends what hangs; a stopped process must not hold a row for ever. */
const TIMEOUTS = { lock_timeout: 5_000, statement_timeout: 10_000, idle_in_transaction_session_timeout: 5_000 };

/**
 * Our statements find rows by key, hundreds at a time. To the planner a scan of the whole table looks cheaper for so many, and is
 * not; where there is no index it scans all the same. Up to Postgres 17 that counts as so dear that it would be compiled first.
 */
const BY_KEY = '-c enable_seqscan=off -c enable_hashjoin=off -c enable_mergejoin=off -c jit=off';

const ANSWER_WITHIN_MS = 15_000;

/**
 * One statement. Its callback and its limit are ours: the driver writes a function to a property for each, and what is written so V8
 * holds for lasting. All that the function sees, every text sent and every row read, would wait for a full collection.
 * @throws the driver's error, also when no answer comes (isSilence)
 */
async function ask({ answerWithinMs }: Db, client: PoolClient, { name, text, values }: QueryConfig): Promise<QueryResult> {
  let limit: NodeJS.Timeout | undefined;
  try {
    return await new Promise<QueryResult>((resolve, reject) => {
      limit = setTimeout(() => reject(new Error(SILENCE)), answerWithinMs);
      const query = new Query(text, values ?? [], (error, result) => (error ? reject(error) : resolve(result as unknown as QueryResult)));
      client.query(name === undefined ? query : Object.assign(query, { name }));
    });
  } catch (error) {
    if (error instanceof Error) Error.captureStackTrace(error, ask); // the driver's begins where the answer was read
    throw error;
  } finally {
    clearTimeout(limit);
  }
}

const ignore = (): void => undefined;

/** One transaction of set-based SQL. */
export class Tx {
  readonly #before: (() => Promise<void>)[] = [];
  readonly #after: (() => void)[] = [];

  constructor(
    readonly db: Db,
    private readonly client: PoolClient,
  ) {}

  /** Rows of one statement; `params` are `$1`, `$2`, …; numeric and bigint columns come as text unless cast. */
  async query<R>(sql: string, params: readonly unknown[] = []): Promise<R[]> {
    return (await ask(this.db, this.client, prepared(sql, params))).rows as R[];
  }

  /** Business time: the database's clock plus the offset of `YUNKE_CLOCK`. */
  async now(): Promise<Millis> {
    const [row] = await this.query<{ at: number }>('select floor(extract(epoch from clock_timestamp()) * 1000)::float8 as at');
    return row!.at + clockOffset();
  }

  /** Runs last, just before COMMIT: what must come after every lock. */
  beforeCommit(work: () => Promise<void>): void {
    this.#before.push(work);
  }

  /** Runs once the transaction is durable; must not throw. */
  afterCommit(work: () => void): void {
    this.#after.push(work);
  }

  /** @internal */
  async finish(commit: () => Promise<void>): Promise<void> {
    for (const work of this.#before) await work();
    await commit();
    for (const work of this.#after) work();
  }
}

/** @throws Error when there is nothing to commit: somebody swallowed a statement's error, and Postgres has let all of it go. */
async function commit(db: Db, client: PoolClient): Promise<void> {
  const { command } = await ask(db, client, prepared('commit'));
  if (command !== 'COMMIT') throw new Error('The transaction had failed before, and was rolled back.');
}

/** A service's own database: a pool and transactions. Nobody else reads it. */
export class Db {
  private constructor(readonly source: DataSource, readonly answerWithinMs: number) {}

  /** Connects; does not migrate. @throws the driver's error when the server cannot be reached. */
  static async open(options: DbOptions): Promise<Db> {
    const source = new DataSource({
      type: 'postgres', url: options.url, ssl: tlsOf(options.url, options.ca), applicationName: options.applicationName,
      migrations: [...(options.migrations ?? [])], migrationsTableName: 'migrations', logging: false,
      extra: { max: options.poolSize ?? 10, connectionTimeoutMillis: 5_000, keepAlive: true, options: BY_KEY, ...TIMEOUTS, types: undefined },
    });
    await source.initialize();
    const pool = (source.driver as unknown as { master: Pool }).master;
    // The end of a connection is found out by its next query; unheard it would end the process. The first one is older than this line.
    pool.on('error', ignore);
    pool.on('acquire', (client) => client.listeners('error').includes(ignore) || client.on('error', ignore));
    return new Db(source, options.answerWithinMs ?? ANSWER_WITHIN_MS);
  }

  /** One transaction, read committed. An error rolls back and is thrown as it is. */
  async tx<T>(work: (tx: Tx) => Promise<T>): Promise<T> {
    const client = await this.pool.connect();
    let lost: Error | undefined;
    try {
      await ask(this, client, prepared('begin'));
      const tx = new Tx(this, client);
      const result = await work(tx);
      await tx.finish(() => commit(this, client));
      return result;
    } catch (error) {
      forgetOutdated(error);
      lost = isSilence(error) ? error : await ask(this, client, prepared('rollback')).then(() => undefined, (failure: Error) => failure);
      throw error;
    } finally {
      client.release(lost); // a lost connection is closed, and the server rolls back by itself
    }
  }

  /** Rows of one statement in a transaction of its own. */
  async query<R>(sql: string, params: readonly unknown[] = []): Promise<R[]> {
    const client = await this.pool.connect();
    let lost: Error | undefined;
    try {
      return (await ask(this, client, prepared(sql, params))).rows as R[];
    } catch (error) {
      forgetOutdated(error);
      if (isSilence(error)) lost = error;
      throw error;
    } finally {
      client.release(lost);
    }
  }

  /** Business time, see {@link Tx.now}. */
  async now(): Promise<Millis> {
    const [row] = await this.query<{ at: number }>('select floor(extract(epoch from clock_timestamp()) * 1000)::float8 as at');
    return row!.at + clockOffset();
  }

  get pool(): Pool {
    return (this.source.driver as unknown as { master: Pool }).master;
  }

  async close(): Promise<void> {
    await this.source.destroy();
  }
}
