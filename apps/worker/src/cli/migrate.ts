import { loadConfig } from '#libs/config';
import { migrate, openDataSource, startFailure } from '#libs/database';
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

main().catch((error: unknown) => {
  process.stderr.write(`${startFailure(error, process.env.DATABASE_URL).reason}\n`);
  process.exitCode = 1;
});
