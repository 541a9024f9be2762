import { join } from 'node:path';
import { ROOT } from './environment.mjs';
import { Failure } from './failure.mjs';
import { PostgresError, startPostgres, stopPostgres } from './postgres.mjs';

/** The Postgres that the environment names, or undefined for the embedded one. */
export const givenDatabase = () =>
  process.env.DATABASE_URL?.trim() || process.env.DATABASE_URL_FILE ? (process.env.DATABASE_URL ?? '') : undefined;

/** Starts the embedded Postgres of a data folder. @returns its URL and how to stop it */
export async function embeddedDatabase(dir) {
  try {
    const server = await startPostgres({ dir: join(dir, 'postgres'), root: ROOT });
    server.child.unref();
    return { url: server.url, pid: server.pid, child: server.child, stop: () => stopPostgres(server.pid) };
  } catch (error) {
    throw error instanceof PostgresError ? new Failure(error.message) : error;
  }
}
