import type { Config } from '#libs/config';
import type { Database, Tx } from '#libs/database';
import type { Scope } from '#libs/kernel';
import { KeyRotationRepository } from './key-rotation.repository.js';
import { SecretVault } from './secret-vault.js';
import { SecretsRepository, type StoredKey } from './secrets.repository.js';

/** What a rotation did. */
export interface RotationReport {
  /** Data keys brought under the present master key. */
  readonly rewrapped: number;
  /** Organisations that have a new data key. */
  readonly organisations: number;
  /** Secrets encrypted anew. */
  readonly secrets: number;
}

export interface RotationOptions {
  /** Organisations whose data key is younger keep it: the start of a rotation that is to be gone on with. */
  readonly before: Date;
  readonly signal: AbortSignal;
}

const BATCH = 100;
const FIRST_ID = '00000000-0000-0000-0000-000000000000';

/**
 * Replaces the keys that protect stored secrets, while they are in use. Every step is a transaction that leaves all
 * secrets readable, so a rotation may be killed at any time and repeated.
 */
export class KeyRotation {
  constructor(
    private readonly repository: KeyRotationRepository,
    private readonly vault: SecretVault,
  ) {}

  /** @throws DomainError `internal`, code `unknown_master_key`, when an earlier master key is missing. */
  async run(options: RotationOptions): Promise<RotationReport> {
    const rewrapped = await this.rewrap(options.signal);
    let [organisations, secrets, last] = [0, 0, FIRST_ID];
    for (;;) {
      const ids = await this.repository.organisations(last, options.before, BATCH);
      for (const orgId of ids) secrets += await this.rotate({ orgId }, options.signal);
      organisations += ids.length;
      const end = ids.at(-1);
      if (end === undefined) return { rewrapped, organisations, secrets };
      last = end;
    }
  }

  private async rewrap(signal: AbortSignal): Promise<number> {
    let [count, afterId, afterVersion] = [0, FIRST_ID, 0];
    for (;;) {
      const keys = await this.repository.allKeys(afterId, afterVersion, BATCH);
      for (const { orgId, ...key } of keys) {
        signal.throwIfAborted();
        [afterId, afterVersion] = [orgId, key.version];
        if (this.vault.keyring.isCurrent(key.wrapped)) continue;
        await this.repository.replaceWrapped({ orgId }, key, this.vault.keyring.rewrap(key.wrapped, orgId));
        count += 1;
      }
      if (keys.length < BATCH) return count;
    }
  }

  private async rotate(scope: Scope, signal: AbortSignal): Promise<number> {
    const newest = await this.repository.database.transaction((tx) => this.newKey(tx, scope));
    if (!newest) return 0;
    for (let count = 0; ;) {
      signal.throwIfAborted();
      const done = await this.repository.database.transaction((tx) => this.reseal(tx, scope, newest));
      count += done;
      if (done < BATCH) return count;
    }
  }

  /**
   * Two keys are what a rotation that was broken off leaves: it is gone on with, not begun anew. The lock waits for
   * everybody who is sealing with the old key; who comes later finds the new one.
   */
  private async newKey(tx: Tx, scope: Scope): Promise<StoredKey | undefined> {
    await this.repository.lockKeys(tx, scope);
    const [key, ...older] = await this.repository.keys(tx, scope);
    if (!key || older.length > 0) return key;
    const next = { version: key.version + 1, wrapped: this.vault.keyring.newDataKey(scope.orgId).wrapped };
    await this.repository.addKey(tx, scope, next);
    return next;
  }

  /** Encrypts a batch anew; the last one retires the keys that nothing needs any more. */
  private async reseal(tx: Tx, scope: Scope, newest: StoredKey): Promise<number> {
    await this.repository.lockKeys(tx, scope);
    const dataKey = this.vault.keyring.open(newest.wrapped, scope.orgId);
    const stale = await this.repository.stale(tx, scope, newest.version, BATCH);
    for (const secret of stale) {
      const ciphertext = this.vault.seal(scope, dataKey, secret, this.vault.open(scope, secret));
      await this.repository.reseal(tx, scope, secret, newest.version, ciphertext);
    }
    if (stale.length < BATCH) await this.repository.retire(tx, scope, newest.version);
    return stale.length;
  }
}

/** A rotation over that database, with the present and earlier master keys of the configuration. */
export const keyRotation = (database: Database, config: Pick<Config, 'security'>): KeyRotation =>
  new KeyRotation(new KeyRotationRepository(database), new SecretVault(new SecretsRepository(database), config));
