import { ConfigError, loadConfig } from '#libs/config';
import { isDatabaseDown, migrate, openDataSource } from '#libs/database';
import { migrateQueue } from '#libs/queue';

/** The migration step of every installation: our tables first, then the queue's own. Prints what was applied. */
async function main(): Promise<void> {
  const config = loadConfig();
  const dataSource = await openDataSource(config.databaseUrl);
  try {
    const applied = await migrate(dataSource);
    await migrateQueue(config.databaseUrl);
    print(applied.length === 0 ? 'The schema is up to date' : `Applied ${applied.join(', ')}`);
  } finally {
    await dataSource.destroy();
  }
}

const print = (text: string): boolean => process.stdout.write(`${text}\n`);

/** One line a person can act on; the address without its password. */
function explain(error: unknown): string {
  if (error instanceof ConfigError) return error.problems.join('\n');
  const message = error instanceof AggregateError ? String(error.errors[0]) : String((error as Error).message ?? error);
  if (!isDatabaseDown(error)) return `The database could not be migrated: ${message}`;
  return `Postgres at ${place(process.env.DATABASE_URL)} cannot be reached: ${message.replace(/^Error: /, '')}`;
}

function place(url: string | undefined): string {
  return url && URL.canParse(url) ? new URL(url).host || 'its socket' : 'DATABASE_URL';
}

main().catch((error: unknown) => {
  process.stderr.write(`${explain(error)}\n`);
  process.exitCode = 1;
});
