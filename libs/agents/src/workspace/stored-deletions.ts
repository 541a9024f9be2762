import { Inject, Injectable } from '@nestjs/common';
import { Database } from '#libs/database';
import { Logger } from '#libs/observability';
import { OBJECT_STORAGE, type ObjectStorage } from '#libs/storage';

const BATCH = 100;
/** Longer than a deletion takes, so that two workers seldom do the same one; doing it twice changes nothing. */
const LEASE_SECONDS = 300;
/** Advisory lock that a backup shares while it copies what the manifests of its moment name: nothing is deleted then. */
export const BACKUP_LOCK = 7_266_841;

/** Once taken, no manifest can name the object any more. */
const TAKE = `
  UPDATE storage_deletions d SET deleting = true, attempts = attempts + 1, due_at = now() + make_interval(secs => $3)
    FROM (SELECT store, key FROM storage_deletions WHERE store = $1 AND due_at <= now()
             AND NOT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 1
                                AND classid = 0 AND objid = ${BACKUP_LOCK} AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))
           ORDER BY due_at LIMIT $2 FOR UPDATE SKIP LOCKED) due
   WHERE d.store = due.store AND d.key = due.key RETURNING d.key`;

/** What lies in a storage that no worker has any more is nobody's to delete. */
const FORGET = `DELETE FROM storage_deletions WHERE due_at < now() - interval '90 days'`;

/** Deletes from the storage what no manifest names, again and again until it is gone. */
@Injectable()
export class StoredDeletions {
  constructor(
    @Inject(Database) private readonly database: Database,
    @Inject(OBJECT_STORAGE) private readonly storage: ObjectStorage,
    @Inject(Logger) private readonly logger: Logger,
  ) {}

  /** All that is due; what fails is tried again later. */
  async run(signal: AbortSignal): Promise<void> {
    const store = await this.storage.identify();
    await this.database.query(FORGET);
    for (let keys = await this.take(store); keys.length > 0; keys = await this.take(store)) {
      for (const key of keys) {
        if (signal.aborted) return;
        await this.delete(store, key, signal);
      }
    }
  }

  private async take(store: string): Promise<string[]> {
    const rows = await this.database.query<{ key: string }>(TAKE, [store, BATCH, LEASE_SECONDS]);
    return rows.map(({ key }) => key);
  }

  /** A key that ends in a slash stands for all below it. */
  private async delete(store: string, key: string, signal: AbortSignal): Promise<void> {
    try {
      await (key.endsWith('/') ? this.storage.deletePrefix(key, signal) : this.storage.delete(key, signal));
    } catch (error) {
      if (!signal.aborted) this.logger.warn('A stored object could not be deleted yet', { key, error });
      return;
    }
    await this.database.query('DELETE FROM storage_deletions WHERE store = $1 AND key = $2', [store, key]);
  }
}
