import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { cp, mkdir, open, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { to as copyTo } from 'pg-copy-streams';
import { BACKUP_LOCK } from '#libs/agents';
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
import { type TableShape, columnList, partitionsOf, quoted, sequencesOf, tablesInOrder } from './schema.js';

const OBJECTS = `
  SELECT DISTINCT ON (object_key) object_key AS key, sha256 FROM agent_workspace_files
   WHERE object_key > $1 ORDER BY object_key LIMIT 500`;

export interface BackupOptions {
  readonly databaseUrl: string;
  readonly storage: ObjectStorage;
  /** Where the checkpoints of the audit log lie. */
  readonly auditDir: string;
  /** Made; must not exist. It appears when the backup is whole. */
  readonly folder: string;
  /** Of Rookery. */
  readonly version: string;
  readonly signal: AbortSignal;
  /** Told what is done, a line at a time. */
  readonly progress: (line: string) => void;
}

/**
 * Copies an installation while it runs: every table as it was at one moment, the files agents stored, and the checkpoints of
 * the audit log. Not the master key: without it the secrets in the copy stay closed. What holds a folder of that name is whole.
 */
export async function backUp(options: BackupOptions): Promise<BackupManifest> {
  const partial = `${options.folder}.partial`;
  if (await exists(options.folder)) throw new Error(`${options.folder} exists already: name another folder`);
  await rm(partial, { recursive: true, force: true });
  await mkdir(join(partial, TABLES_FOLDER), { recursive: true, mode: 0o700 });
  const connection = await connect(options.databaseUrl);
  try {
    const manifest = await copyAll(connection, partial, options);
    await writeDurably(join(partial, MANIFEST_FILE), `${JSON.stringify(manifest, null, 2)}\n`);
    await rename(partial, options.folder);
    return manifest;
  } finally {
    await connection.close();
  }
}

async function copyAll(connection: Connection, folder: string, options: BackupOptions): Promise<BackupManifest> {
  // before the rows: a checkpoint of rows that are not in the copy would say that its end was cut
  if (await exists(options.auditDir)) await cp(options.auditDir, join(folder, AUDIT_FOLDER), { recursive: true });
  // what manifests of this moment name stays in the storage until the end
  await connection.query('SELECT pg_advisory_lock_shared($1)', [BACKUP_LOCK]);
  await connection.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
  const [moment] = await connection.query<{ at: Date }>('SELECT now() AS at');
  const migrations = await connection.query<{ name: string }>('SELECT name FROM migrations ORDER BY id');
  const tables: BackedUpTable[] = [];
  for (const shape of await tablesInOrder(connection)) {
    options.signal.throwIfAborted();
    const table = await copyTable(connection, shape, folder, options.signal);
    tables.push(table);
    options.progress(`${table.name}: ${table.rows} rows`);
  }
  const objects = await copyObjects(connection, folder, options);
  return {
    format: BACKUP_FORMAT,
    takenAt: (moment?.at ?? new Date()).toISOString(),
    version: options.version,
    migrations: migrations.map(({ name }) => name),
    tables,
    partitions: await partitionsOf(connection),
    sequences: await sequencesOf(connection),
    objects,
  };
}

async function copyTable(
  { client }: Connection,
  { name, columns }: TableShape,
  folder: string,
  signal: AbortSignal,
): Promise<BackedUpTable> {
  const rows = client.query(copyTo(`COPY (SELECT ${columnList(columns)} FROM ${quoted(name)}) TO STDOUT`));
  const hash = createHash('sha256');
  const hashing = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      hash.update(chunk);
      done(null, chunk);
    },
  });
  const file = createWriteStream(join(folder, TABLES_FOLDER, `${name}.copy.gz`), { mode: 0o600, flush: true });
  await pipeline(rows, createGzip({ level: 4 }), hashing, file, { signal });
  return { name, columns, rows: rows.rowCount, sha256: hash.digest('hex') };
}

async function copyObjects(
  connection: Connection,
  folder: string,
  { storage, signal, progress }: BackupOptions,
): Promise<BackupManifest['objects']> {
  const objects = { count: 0, bytes: 0 };
  for (let after = ''; ;) {
    const page = await connection.query<{ key: string; sha256: string }>(OBJECTS, [after]);
    for (const { key, sha256 } of page) objects.bytes += await copyObject(storage, key, sha256, folder, signal);
    objects.count += page.length;
    const last = page.at(-1);
    if (!last) break;
    after = last.key;
    progress(`files of agents: ${objects.count}`);
  }
  return objects;
}

/** @returns its size. @throws Error when it is not what the manifest says. */
async function copyObject(
  storage: ObjectStorage,
  key: string,
  sha256: string,
  folder: string,
  signal: AbortSignal,
): Promise<number> {
  const target = join(folder, OBJECTS_FOLDER, key);
  await mkdir(dirname(target), { recursive: true, mode: 0o700 });
  const hash = createHash('sha256');
  let bytes = 0;
  const counting = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      hash.update(chunk);
      bytes += chunk.length;
      done(null, chunk);
    },
  });
  await pipeline(await storage.get(key, signal), counting, createWriteStream(target, { mode: 0o600 }), { signal });
  if (hash.digest('hex') !== sha256)
    throw new Error(`The stored file ${key} is not what was stored; nothing is backed up`);
  return bytes;
}

const exists = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );

async function writeDurably(path: string, content: string): Promise<void> {
  await writeFile(path, content, { mode: 0o600 });
  const file = await open(path);
  await file.sync();
  await file.close();
}
