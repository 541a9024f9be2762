import type { Pool, PoolClient } from 'pg';
import type { DataSource, EntityManager } from 'typeorm';
import { asDomainError } from './database.errors.js';

/** Runs SQL. Rows come back as pg gives them: bigint as text, timestamptz as Date, jsonb parsed. */
export interface Sql {
  /** @throws DomainError `unavailable` while Postgres can't be reached. */
  query<Row>(text: string, values?: readonly unknown[]): Promise<Row[]>;
  /** The same as a named prepared statement, for hot paths; `name` must be unique to `text`. */
  named<Row>(name: string, text: string, values?: readonly unknown[]): Promise<Row[]>;
}

/** An open transaction. */
export interface Tx extends Sql {
  readonly manager: EntityManager;
  /** Runs after a successful commit, never after a rollback; must not throw. */
  afterCommit(action: () => void): void;
}

/** The process's one application pool, shared by TypeORM and plain SQL. */
export class Database implements Sql {
  readonly pool: Pool;

  constructor(readonly dataSource: DataSource) {
    this.pool = (dataSource.driver as unknown as { master: Pool }).master;
  }

  get manager(): EntityManager {
    return this.dataSource.manager;
  }

  query<Row>(text: string, values: readonly unknown[] = []): Promise<Row[]> {
    return run<Row>(this.pool, { text, values: [...values] });
  }

  named<Row>(name: string, text: string, values: readonly unknown[] = []): Promise<Row[]> {
    return run<Row>(this.pool, { name, text, values: [...values] });
  }

  /** Runs `work` in one transaction; what it throws rolls back and is thrown on. */
  async transaction<T>(work: (tx: Tx) => Promise<T>): Promise<T> {
    const runner = this.dataSource.createQueryRunner();
    const afterCommit: (() => void)[] = [];
    try {
      const client = (await runner.connect()) as PoolClient;
      await runner.startTransaction();
      const result = await work(new ClientTx(client, runner.manager, afterCommit));
      await runner.commitTransaction();
      afterCommit.forEach((action) => action());
      return result;
    } catch (error) {
      if (runner.isTransactionActive) await runner.rollbackTransaction().catch(() => undefined);
      throw asDomainError(error);
    } finally {
      await runner.release().catch(() => undefined);
    }
  }
}

class ClientTx implements Tx {
  constructor(
    private readonly client: PoolClient,
    readonly manager: EntityManager,
    private readonly actions: (() => void)[],
  ) {}

  query<Row>(text: string, values: readonly unknown[] = []): Promise<Row[]> {
    return run<Row>(this.client, { text, values: [...values] });
  }

  named<Row>(name: string, text: string, values: readonly unknown[] = []): Promise<Row[]> {
    return run<Row>(this.client, { name, text, values: [...values] });
  }

  afterCommit(action: () => void): void {
    this.actions.push(action);
  }
}

async function run<Row>(
  on: Pool | PoolClient,
  query: { name?: string; text: string; values: unknown[] },
): Promise<Row[]> {
  try {
    return (await on.query(query)).rows as Row[];
  } catch (error) {
    throw asDomainError(error);
  }
}
