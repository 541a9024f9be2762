import { Inject, Injectable } from '@nestjs/common';
import { Database } from '#libs/database';

/** The process's connections to Postgres, as they are now. */
export interface PoolStats {
  /** Most connections there may be. */
  readonly size: number;
  /** Open and free, or not opened yet. */
  readonly free: number;
  readonly busy: number;
  /** Queries that wait for a connection. */
  readonly waiting: number;
}

export interface DatabaseHealth extends PoolStats {
  readonly host: string;
  readonly name: string;
}

/** How the process stands with its database. */
@Injectable()
export class PoolHealth {
  constructor(@Inject(Database) private readonly database: Database) {}

  stats(): PoolStats {
    const { pool } = this.database;
    const size = pool.options.max ?? 10;
    const busy = pool.totalCount - pool.idleCount;
    return { size, busy, free: Math.max(0, size - busy), waiting: pool.waitingCount };
  }

  /** Asks it. @throws DomainError `unavailable`. */
  async check(): Promise<DatabaseHealth> {
    const [row] = await this.database.query<{ name: string; host: string | null }>(
      'SELECT current_database() AS name, host(inet_server_addr()) AS host',
    );
    return { ...this.stats(), name: row?.name ?? '', host: row?.host ?? 'local' };
  }
}
