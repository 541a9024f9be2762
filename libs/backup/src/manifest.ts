/** What the backup of this version looks like; another is refused. */
export const BACKUP_FORMAT = 1;

/** Names within the folder of a backup. */
export const MANIFEST_FILE = 'manifest.json';
export const TABLES_FOLDER = 'tables';
export const OBJECTS_FOLDER = 'objects';
export const AUDIT_FOLDER = 'audit';

/** One table's rows: text of COPY, gzipped. */
export interface BackedUpTable {
  readonly name: string;
  readonly columns: readonly string[];
  readonly rows: number;
  /** Of the gzipped file. */
  readonly sha256: string;
}

/** A part of a table that is kept by days. */
export interface BackedUpPartition {
  readonly name: string;
  readonly parent: string;
  /** As `pg_get_expr` prints it. */
  readonly bound: string;
}

export interface BackedUpSequence {
  readonly name: string;
  /** Last value given; null: none was. bigint as text. */
  readonly value: string | null;
}

/** The last file of a backup to be written: a folder without it is none. */
export interface BackupManifest {
  readonly format: number;
  /** The moment of the snapshot; ISO 8601. */
  readonly takenAt: string;
  /** Version of Rookery. */
  readonly version: string;
  readonly migrations: readonly string[];
  readonly tables: readonly BackedUpTable[];
  readonly partitions: readonly BackedUpPartition[];
  readonly sequences: readonly BackedUpSequence[];
  readonly objects: { readonly count: number; readonly bytes: number };
}
