import { Inject, Injectable } from '@nestjs/common';
import type { Scope } from '#libs/kernel';
import { AuditKey } from '../checkpoints/audit-key.js';
import { signedStatement } from '../checkpoints/statement.js';
import { SealingRepository } from './sealing.repository.js';

const MOST_CHAINS = 100;

/** Deletes old rows from the beginning of a chain, and leaves a signed anchor for the rest to hang on. */
@Injectable()
export class AuditRetention {
  constructor(
    @Inject(SealingRepository) private readonly repository: SealingRepository,
    @Inject(AuditKey) private readonly key: AuditKey,
  ) {}

  /** Deletes sealed rows older than `before`, up to about `limit` of them. @returns how many; fewer means done. */
  async deleteBefore(before: Date, limit: number): Promise<number> {
    let deleted = 0;
    for (const scope of await this.repository.agedChains(before, MOST_CHAINS)) {
      if (deleted >= limit) return limit;
      deleted += await this.cut(scope, before, limit - deleted);
    }
    return deleted;
  }

  private cut(scope: Scope, before: Date, limit: number): Promise<number> {
    return this.repository.database.transaction(async (tx) => {
      const chain = await this.repository.lockChain(tx, scope);
      const anchor = chain && (await this.repository.lastAged(tx, chain, before, limit));
      if (!chain || !anchor) return 0;
      const statement = signedStatement(this.key, 'anchor', scope.orgId, anchor, new Date());
      return this.repository.deleteUpTo(tx, chain, anchor, statement);
    });
  }
}
