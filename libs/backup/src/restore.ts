import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { cp, readFile, readdir, stat } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { from as copyFrom } from 'pg-copy-streams';
import { DataSource } from 'typeorm';
import { Database, dataSourceOptions, migrate, migrationsUpTo } from '#libs/database';
import { PgVectorStore } from '#libs/knowledge';
import type { ObjectStorage } from '#libs/storage';
import { type Connection, connect } from './connection.js';
import {
  AUDIT_FOLDER,
  BACKUP_FORMAT,
  type BackedUpTable,
  type BackupManifest,
  MANIFEST_FILE,
  OBJECTS_FOLDER,
  TABLES_FOLDER,
} from './manifest.js';
import { columnList, quoted } from './schema.js';

const VECTORS = 'knowledge_vectors';
/** Above every epoch that was given after the snapshot, so that no token of that time is good again. */
const EPOCHS_SKIPPED = 1_000_000;

/** Instances of before are nobody's: each agent starts anew from the files that were stored. */
const START_ANEW = `
  WITH anew AS (
    UPDATE agents SET epoch = epoch + ${EPOCHS_SKIPPED}, instance_epoch = NULL, endpoint = NULL, next_host_id = NULL,
           next_attempt_at = CASE WHEN isfinite(next_attempt_at) THEN NULL ELSE next_attempt_at END,
           status = CASE status WHEN 'running' THEN 'restarting' ELSE status END, event_seq = event_seq + 1
     WHERE status <> 'deleted' RETURNING id, org_id, event_seq, status
  )
  INSERT INTO events (thing_kind, thing_id, seq, org_id, type, data)
  SELECT 'agent', id, event_seq, org_id, 'agent.status',
         jsonb_build_object('from', status, 'to', status, 'cause', $1::text) FROM anew`;

export interface RestoreOptions {
  readonly databaseUrl: string;
  readonly storage: ObjectStorage;
  readonly auditDir: string;
  /** A folder that {@link backUp} made. */
  readonly folder: string;
  readonly signal: AbortSignal;
  readonly progress: (line: string) => void;
}

/**
 * Brings a backup into an empty database and the storage. The rows come in one transaction, so what is broken off is begun
 * anew; migrations that are newer than the backup run at the end.
 * @throws Error when the database is not empty, or the backup is of a newer version, cut or changed.
 */
export async function restore(options: RestoreOptions): Promise<BackupManifest> {
  const manifest = await readManifest(options.folder);
  const connection = await connect(options.databaseUrl);
  try {
    await requireEmpty(connection);
    await prepareSchema(options.databaseUrl, manifest);
    const objects = await putObjects(options);
    if (objects !== manifest.objects.count)
      throw new Error(`The backup has ${objects} of its ${manifest.objects.count} files`);
    await copyRows(connection, manifest, options);
  } finally {
    await connection.close();
  }
  await withDataSource(options.databaseUrl, migrationsUpTo(), migrate);
  const audit = join(options.folder, AUDIT_FOLDER);
  if (await stat(audit).catch(() => undefined)) await cp(audit, options.auditDir, { recursive: true, force: false });
  return manifest;
}

/** @throws Error for a folder that is no whole backup, or one this version can't read. */
export async function readManifest(folder: string): Promise<BackupManifest> {
  const text = await readFile(join(folder, MANIFEST_FILE), 'utf8').catch(() => undefined);
  if (text === undefined) throw new Error(`${folder} is no backup: it has no ${MANIFEST_FILE}`);
  const manifest = JSON.parse(text) as BackupManifest;
  if (manifest.format !== BACKUP_FORMAT)
    throw new Error(`The backup has format ${manifest.format}, this version knows ${BACKUP_FORMAT}`);
  const known = new Set(migrationsUpTo().map(({ name }) => name));
  const newer = manifest.migrations.filter((name) => !known.has(name));
  if (newer.length > 0)
    throw new Error(`The backup is of a newer version of Rookery (${manifest.version}): use that, or a newer one`);
  return manifest;
}

async function requireEmpty(connection: Connection): Promise<void> {
  const [row] = await connection.query<{ rows: string | null }>(
    `SELECT to_regclass('public.organisations')::text AS rows`,
  );
  if (!row?.rows) return;
  const [any] = await connection.query('SELECT 1 FROM organisations LIMIT 1');
  const [hosts] = await connection.query('SELECT 1 FROM hosts LIMIT 1');
  if (any || hosts) throw new Error('The database is not empty: a backup is restored into an empty one');
  await connection.query('DROP SCHEMA public CASCADE');
  await connection.query('CREATE SCHEMA public');
}

async function prepareSchema(databaseUrl: string, manifest: BackupManifest): Promise<void> {
  await withDataSource(databaseUrl, migrationsUpTo(manifest.migrations), async (dataSource) => {
    await migrate(dataSource);
    if (!manifest.tables.some(({ name }) => name === VECTORS)) return;
    const store = new PgVectorStore(new Database(dataSource));
    if (!(await store.isAvailable()))
      throw new Error('The backup has vectors of pgvector: install that extension first');
    await store.prepare();
  });
}

async function withDataSource<T>(
  databaseUrl: string,
  migrations: ReturnType<typeof migrationsUpTo>,
  work: (dataSource: DataSource) => Promise<T>,
): Promise<T> {
  const dataSource = await new DataSource({ ...dataSourceOptions(databaseUrl), migrations }).initialize();
  try {
    return await work(dataSource);
  } finally {
    await dataSource.destroy();
  }
}

/** Before the rows that name them. @returns how many. */
async function putObjects({ folder, storage, signal, progress }: RestoreOptions): Promise<number> {
  const root = join(folder, OBJECTS_FOLDER);
  const entries = await readdir(root, { recursive: true, withFileTypes: true }).catch(() => []);
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  for (const [index, file] of files.entries()) {
    await storage.put(relative(root, file), createReadStream(file), signal);
    if ((index + 1) % 500 === 0) progress(`files of agents: ${index + 1} of ${files.length}`);
  }
  return files.length;
}

async function copyRows(connection: Connection, manifest: BackupManifest, options: RestoreOptions): Promise<void> {
  const names = manifest.tables.map(({ name }) => quoted(name));
  await connection.query('BEGIN');
  for (const name of names) await connection.query(`ALTER TABLE ${name} DISABLE TRIGGER USER`);
  await connection.query(`TRUNCATE ${names.join(', ')} CASCADE`);
  for (const { name, parent, bound } of manifest.partitions) {
    await connection.query(`CREATE TABLE IF NOT EXISTS ${quoted(name)} PARTITION OF ${quoted(parent)} ${bound}`);
  }
  for (const table of manifest.tables) {
    options.signal.throwIfAborted();
    await copyTable(connection, table, options);
    options.progress(`${table.name}: ${table.rows} rows`);
  }
  for (const { name, value } of manifest.sequences) {
    if (value !== null) await connection.query('SELECT setval($1::regclass, $2)', [quoted(name), value]);
  }
  await connection.query(START_ANEW, [`restored from the backup of ${manifest.takenAt}`]);
  const store = await options.storage.identify();
  await connection.query(
    'UPDATE agent_workspaces SET copy_id = NULL, placed_on = NULL, store = CASE WHEN store IS NULL THEN NULL ELSE $1 END',
    [store],
  );
  await connection.query('DELETE FROM storage_deletions');
  for (const name of names) await connection.query(`ALTER TABLE ${name} ENABLE TRIGGER USER`);
  await connection.query('COMMIT');
}

async function copyTable(
  { client }: Connection,
  table: BackedUpTable,
  { folder, signal }: RestoreOptions,
): Promise<void> {
  const path = join(folder, TABLES_FOLDER, `${table.name}.copy.gz`);
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash, { signal });
  if (hash.digest('hex') !== table.sha256) throw new Error(`${path} is not what was backed up`);
  const rows = client.query(copyFrom(`COPY ${quoted(table.name)} (${columnList(table.columns)}) FROM STDIN`));
  await pipeline(createReadStream(path), createGunzip(), rows, { signal });
  if (rows.rowCount !== table.rows)
    throw new Error(`${table.name}: ${rows.rowCount} of ${table.rows} rows were restored`);
}
