import { join } from 'node:path';
import { ROOT } from './environment.mjs';
import { Failure } from './failure.mjs';
import { connectionProblem } from './network.mjs';
import { PostgresError, startPostgres, stopPostgres } from './postgres.mjs';

/** The Postgres that the environment names, or undefined for the embedded one. */
export const givenDatabase = () => process.env.DATABASE_URL?.trim() || undefined;

/** @throws Failure when `REDIS_URL` names a Redis that can't be connected to; a malformed one is the configuration's matter */
export async function mustReachRedis() {
  const given = process.env.REDIS_URL?.trim();
  if (!given || !URL.canParse(given)) return;
  const { hostname, port } = new URL(given);
  const problem = await connectionProblem(hostname.replace(/^\[|\]$/g, ''), Number(port) || 6379);
  if (problem) throw new Failure(`REDIS_URL: Redis at ${hostname}:${port || 6379} cannot be reached (${problem})`);
}

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
