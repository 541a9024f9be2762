import { loadConfig } from '#libs/config';
import { backUp } from '#libs/backup';
import { startFailure } from '#libs/database';
import { openStorage } from '#libs/storage';
import { closingSignal, versionOf } from './cli.js';

/** Copies the installation into the folder named; its last line says what is in it. */
async function main(folder: string | undefined): Promise<void> {
  if (!folder) throw new Error('Name the folder to make, such as /var/backups/rookery-monday');
  const config = loadConfig();
  const manifest = await backUp({
    databaseUrl: config.databaseUrl,
    storage: await openStorage(config),
    auditDir: config.audit.dir,
    folder,
    version: versionOf(),
    signal: closingSignal(),
    progress: (line) => process.stderr.write(`${line}\n`),
  });
  const rows = manifest.tables.reduce((sum, table) => sum + table.rows, 0);
  process.stdout.write(
    `Backed up ${rows} rows of ${manifest.tables.length} tables and ${manifest.objects.count} files of agents, ` +
      `as they were at ${manifest.takenAt}, to ${folder}.\nKeep the master key elsewhere: it is not in the backup.\n`,
  );
}

main(process.argv[2]).catch((error: unknown) => {
  process.stderr.write(`${startFailure(error, process.env.DATABASE_URL).reason}\n`);
  process.exitCode = 1;
});
