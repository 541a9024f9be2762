import { randomBytes } from 'node:crypto';
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type Verifier, storedChains, verifyAudit } from '#libs/audit';
import { FolderStorage } from '#libs/storage';
import { type BackupOptions, backUp } from '../backup.js';
import { type Connection, connect } from '../connection.js';
import { restore } from '../restore.js';

/** Databases of drills on the installation's own server; what a killed one left is dropped by the next. */
const DATABASE_PREFIX = 'rookery_drill_';

export interface RehearsalOptions extends Omit<BackupOptions, 'version' | 'progress'> {
  /** For the backup and what is brought back from it; emptied before and after. */
  readonly folder: string;
  /** They hold the audit log's checkpoints against the rows that came back. */
  readonly verifiers: readonly Verifier[];
}

/** What came back. */
export interface Rehearsed {
  readonly tables: number;
  readonly rows: number;
  /** Files of agents, and their size. */
  readonly files: number;
  readonly bytes: number;
}

/**
 * Takes a backup, brings it back into a database and a folder of its own beside the installation, checks both, and removes them. The
 * installation itself is only read.
 * @throws Error saying what is wrong with the backup, or what the machine does not allow.
 */
export async function rehearse(options: RehearsalOptions): Promise<Rehearsed> {
  const { folder, databaseUrl, storage, signal, auditDir } = options;
  const progress = (): void => undefined;
  const server = await connect(databaseUrl);
  try {
    await cleared(server, folder);
    const backup = join(folder, 'backup');
    await backUp({ databaseUrl, storage, auditDir, folder: backup, version: 'rehearsal', signal, progress });
    const scratch = await scratchDatabase(server, databaseUrl);
    const there = { auditDir: join(folder, 'audit'), storage: new FolderStorage(join(folder, 'storage')) };
    const manifest = await restore({ databaseUrl: scratch, folder: backup, ...there, signal, progress });
    await checkAudit(scratch, there.auditDir, options.verifiers);
    const rows = manifest.tables.reduce((sum, table) => sum + table.rows, 0);
    return { tables: manifest.tables.length, rows, files: manifest.objects.count, bytes: manifest.objects.bytes };
  } finally {
    await cleared(server, folder).finally(() => server.close());
  }
}

async function cleared(server: Connection, folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true });
  const left = await server.query<{ name: string }>(
    `SELECT datname AS name FROM pg_database WHERE starts_with(datname, $1) AND pg_get_userbyid(datdba) = current_user`,
    [DATABASE_PREFIX],
  );
  for (const { name } of left) await server.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
}

async function scratchDatabase(server: Connection, databaseUrl: string): Promise<string> {
  const name = `${DATABASE_PREFIX}${randomBytes(6).toString('hex')}`;
  try {
    await server.query(`CREATE DATABASE ${name}`);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new Error(`No database to restore into can be made (${why}): allow it by ALTER ROLE … CREATEDB`, {
      cause: error,
    });
  }
  const url = new URL(databaseUrl);
  url.pathname = `/${name}`;
  return url.href;
}

async function checkAudit(databaseUrl: string, checkpointsDir: string, verifiers: readonly Verifier[]): Promise<void> {
  const hasCheckpoints = await readdir(checkpointsDir).then(
    (names) => names.length > 0,
    () => false,
  );
  if (!hasCheckpoints) return;
  const connection = await connect(databaseUrl);
  try {
    const report = await verifyAudit({ chains: storedChains(connection), checkpointsDir, verifiers });
    const [broken] = report.broken;
    const problem = broken ? `${broken.org} at row ${broken.seq}: ${broken.problem}` : report.problems[0];
    if (problem !== undefined) throw new Error(`The audit log that came back is not whole: ${problem}`);
  } finally {
    await connection.close();
  }
}
