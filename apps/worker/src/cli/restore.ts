import { loadConfig } from '#libs/config';
import { restore } from '#libs/backup';
import { startFailure } from '#libs/database';
import { migrateQueue } from '#libs/queue';
import { openStorage } from '#libs/storage';
import { closingSignal } from './cli.js';

/** Brings a backup into an empty installation. Needs the master key it was made under. */
async function main(folder: string | undefined): Promise<void> {
  if (!folder) throw new Error('Name the folder of the backup');
  const config = loadConfig();
  const manifest = await restore({
    databaseUrl: config.databaseUrl,
    storage: await openStorage(config),
    auditDir: config.audit.dir,
    folder,
    signal: closingSignal(),
    progress: (line) => process.stderr.write(`${line}\n`),
  });
  await migrateQueue(config.databaseUrl);
  process.stdout.write(`Restored the backup of ${manifest.takenAt}; "npm start" brings its agents up again.\n`);
}

main(process.argv[2]).catch((error: unknown) => {
  process.stderr.write(`${startFailure(error, process.env.DATABASE_URL).reason}\n`);
  process.exitCode = 1;
});
