import 'reflect-metadata';

import { DataSource, type MigrationInterface } from 'typeorm';
import type { Pool, PoolClient } from 'pg';

import { clockOffset, type Millis } from '@yunke/kernel';

import { SILENCE, isLost } from './errors.js';
import { Statements, forgetOutdated, isNamed, prepared, type Answer, type Named, type Statement } from './statement.js';
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

/** An answer to each. @throws the first error, also when no answer comes (isLost) */
async function ask({ answerWithinMs }: Db, client: PoolClient, ...statements: [Statement] | Named[]): Promise<readonly Answer[]> {
  let limit: NodeJS.Timeout | undefined;
  try {
    return await new Promise<readonly Answer[]>((resolve, reject) => {
      limit = setTimeout(() => reject(new Error(SILENCE)), answerWithinMs);
      client.query(new Statements(statements, (error, answers) => (error ? reject(error) : resolve(answers))));
    });
  } catch (error) {
    if (error instanceof Error) Error.captureStackTrace(error, ask); // the driver's begins where the answer was read
    throw error;
  } finally {
    clearTimeout(limit);
  }
}

const BEGIN = { name: 'yunke_begin', text: 'begin', values: [] };
const COMMIT = { name: 'yunke_commit', text: 'commit', values: [] };
const ROLLBACK = { text: 'rollback', values: [] };
const BEGUN = Promise.resolve();

const ignore = (): void => undefined;

/** One transaction of set-based SQL. */
export class Tx {
  #begun: Promise<unknown> | undefined;
  #over = false;
  readonly #before: (() => Promise<void>)[] = [];
  readonly #after: (() => void)[] = [];

  constructor(
    readonly db: Db,
    private readonly client: PoolClient,
  ) {}

  /**
   * Rows of one statement; `params` are `$1`, `$2`, …; numeric and bigint columns come as text unless cast. BEGIN goes along with the
   * first; the others wait for that, since without a BEGIN, or behind the end, they would stand alone.
   */
  async query<R>(sql: string, params: readonly unknown[] = []): Promise<R[]> {
    const statement = prepared(sql, params);
    if (this.#begun === undefined) {
      const first = isNamed(statement) ? ask(this.db, this.client, BEGIN, statement) : ask(this.db, this.client, BEGIN);
      this.#begun = first;
      const [, answer] = await first;
      this.#begun = BEGUN; // and not what was read
      if (answer) return answer.rows as R[];
    }
    await this.#begun;
    if (this.#over) throw new Error('This transaction is over.');
    const [answer] = await ask(this.db, this.client, statement);
    return answer!.rows as R[];
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

  /** @internal @throws Error when there is nothing to commit: somebody swallowed a statement's error, and Postgres has let all of it go */
  async commit(): Promise<void> {
    for (const work of this.#before) await work();
    if (this.#begun) {
      await this.#begun;
      this.#over = true;
      const [answer] = await ask(this.db, this.client, COMMIT);
      if (answer!.command !== 'COMMIT') throw new Error('The transaction had failed before, and was rolled back.');
    }
    for (const work of this.#after) work();
  }

  /** @internal Returns why the connection is no good any more, if so. */
  async rollback(because: unknown): Promise<Error | undefined> {
    this.#over = true;
    return isLost(because) ? because : ask(this.db, this.client, ROLLBACK).then(() => undefined, (failure: Error) => failure);
  }
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
    const tx = new Tx(this, client);
    try {
      const result = await work(tx);
      await tx.commit();
      return result;
    } catch (error) {
      forgetOutdated(error);
      lost = await tx.rollback(error);
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
      const [answer] = await ask(this, client, prepared(sql, params));
      return answer!.rows as R[];
    } catch (error) {
      forgetOutdated(error);
      if (isLost(error)) lost = error;
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
