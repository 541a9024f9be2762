import { holderOf, openDataFolder, takeLock } from './data-folder.mjs';
import { embeddedDatabase, givenDatabase } from './database.mjs';
import { dataFolder, loadEnvironment } from './environment.mjs';
import { prepared } from './toolchain.mjs';

/**
 * Runs a command against the installation's database: the given one, that of a Rookery running on the same data folder,
 * or the embedded one started for the purpose.
 */
export async function withDatabase(work) {
  loadEnvironment();
  const dir = dataFolder();
  openDataFolder(dir);
  const node = await prepared();
  if (givenDatabase() !== undefined) return work({ node, dir, databaseUrl: givenDatabase() });
  const holder = holderOf(dir);
  if (holder?.databaseUrl) return work({ node, dir, databaseUrl: holder.databaseUrl });
  const lock = takeLock(dir);
  let database;
  try {
    database = await embeddedDatabase(dir);
    return await work({ node, dir, databaseUrl: database.url });
  } finally {
    await database?.stop();
    lock.release();
  }
}
