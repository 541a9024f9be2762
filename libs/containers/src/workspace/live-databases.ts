import { PRIVATE_FOLDER } from './own-files.js';

const MAGIC = Buffer.from('SQLite format 3\0', 'latin1');
const COMPANION = /^(.+)-(?:wal|shm|journal)$/;
const MOST_DATABASES = 100;

/** Where the backups of a workspace's databases lie while they are read, relative to it. */
export const BACKUP_FOLDER = `${PRIVATE_FOLDER}/backup`;
export const MAGIC_BYTES = MAGIC.length;

/** True for the first bytes of a database of SQLite. */
export const isDatabase = (head: Buffer): boolean => head.subarray(0, MAGIC.length).equals(MAGIC);

/**
 * The databases met in a workspace, in the order of names: those of a running agent are not to be copied as they are,
 * and the index of a log is no use without the memory it was mapped to.
 */
export class LiveDatabases {
  private readonly found = new Set<string>();

  get paths(): string[] {
    return [...this.found].slice(0, MOST_DATABASES);
  }

  add(path: string): void {
    this.found.add(path);
  }

  isCompanion(path: string, running: boolean): boolean {
    const base = COMPANION.exec(path)?.[1];
    return base !== undefined && this.found.has(base) && (running || path.endsWith('-shm'));
  }
}

/**
 * Run where the agent runs and as its user: `[workspace, path, …]`. Makes the backups; what can't be backed up has none.
 * Without paths it removes them.
 */
export const BACKUP_PROGRAM = `
const { mkdirSync, rmSync } = require('node:fs');
const { dirname, join } = require('node:path');
const [root, ...paths] = process.argv.slice(1);
const out = join(root, '${BACKUP_FOLDER}');
setTimeout(() => process.exit(9), 60000).unref();
rmSync(out, { recursive: true, force: true });
(async () => {
  if (paths.length === 0) return;
  const { backup, DatabaseSync } = require('node:sqlite');
  for (const path of paths) {
    let database;
    try {
      mkdirSync(dirname(join(out, path)), { recursive: true, mode: 0o700 });
      database = new DatabaseSync(join(root, path), { readOnly: true, timeout: 5000 });
      await backup(database, join(out, path));
    } catch (error) {
      rmSync(join(out, path), { force: true });
    } finally {
      if (database) database.close();
    }
  }
})();`;
