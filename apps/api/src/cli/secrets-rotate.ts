import 'reflect-metadata';
import { parseArgs } from 'node:util';
import { loadConfig } from '#libs/config';
import { Database, openDataSource, startFailure } from '#libs/database';
import { keyRotation } from '#libs/secrets';

/**
 * Brings every data key under the present MASTER_KEY (those in MASTER_KEY_PREVIOUS still open it), then gives each
 * organisation a new data key and encrypts its secrets anew. Broken off by a signal or a crash it leaves everything
 * readable; `--before <the printed start>` goes on without repeating what was done. Prints a report as JSON.
 */
async function main(): Promise<void> {
  const { values } = parseArgs({ options: { before: { type: 'string' } } });
  const config = loadConfig();
  const dataSource = await openDataSource(config.databaseUrl);
  const closing = new AbortController();
  process.once('SIGTERM', () => closing.abort(new Error('broken off')));
  process.once('SIGINT', () => closing.abort(new Error('broken off')));
  try {
    const database = new Database(dataSource);
    const before = values.before === undefined ? await now(database) : new Date(values.before);
    if (Number.isNaN(before.getTime())) throw new Error('--before must be a time, such as 2026-01-15T10:30:00.000Z');
    process.stderr.write(`Rotating; if broken off, go on with --before ${before.toISOString()}\n`);
    const report = await keyRotation(database, config).run({ before, signal: closing.signal });
    process.stdout.write(`${JSON.stringify(report)}\n`);
  } finally {
    await dataSource.destroy();
  }
}

/** The database's clock is the one that dates keys. */
async function now(database: Database): Promise<Date> {
  const [row] = await database.query<{ now: Date }>('SELECT clock_timestamp() AS now');
  return row?.now ?? new Date();
}

main().catch((error: unknown) => {
  process.stderr.write(`${startFailure(error, process.env.DATABASE_URL).reason}\n`);
  process.exitCode = 1;
});
