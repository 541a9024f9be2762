import { Inject, Injectable } from '@nestjs/common';
import { CONFIG, type Config } from '#libs/config';
import { LRUCache } from 'lru-cache';
import { type Chain, SealingRepository } from '../sealing/sealing.repository.js';
import { AuditKey } from './audit-key.js';
import { CheckpointFiles } from './checkpoint-files.js';
import { signedStatement } from './statement.js';

const BATCH = 1_000;
const MOST_REMEMBERED = 100_000;
const DAY_MS = 86_400_000;
/** Chains that moved so long before the last round are looked at again: their commit may have come late. */
const OVERLAP_MS = 60_000;

/**
 * Writes where each chain stands, signed, to files outside of the database: whoever can write the database can then
 * neither rewrite a chain nor cut its end unseen. Each day's file begins with all chains, so that it stands for itself.
 */
@Injectable()
export class AuditCheckpoints {
  private readonly files: CheckpointFiles;
  private readonly written = new LRUCache<string, number>({ max: MOST_REMEMBERED });
  private day: string | undefined;
  private lastRoundAt: Date | undefined;

  constructor(
    @Inject(SealingRepository) private readonly repository: SealingRepository,
    @Inject(AuditKey) private readonly key: AuditKey,
    @Inject(CONFIG) private readonly config: Pick<Config, 'audit' | 'limits'>,
  ) {
    this.files = new CheckpointFiles(config.audit.dir);
  }

  /** A line for each chain that moved since the last round. */
  async write(signal: AbortSignal): Promise<void> {
    const now = new Date();
    const day = now.toISOString().slice(0, 10);
    if (day !== this.day) await this.beginDay(now);
    const since = this.lastRoundAt && new Date(this.lastRoundAt.getTime() - OVERLAP_MS);
    await this.writeSince(since, now, signal);
    if (signal.aborted) return;
    this.day = day;
    this.lastRoundAt = now;
  }

  private async beginDay(now: Date): Promise<void> {
    this.written.clear();
    this.lastRoundAt = undefined;
    await this.files.keepPublicKey(this.key.id, this.key.publicPem);
    await this.files.deleteBefore(new Date(now.getTime() - this.config.limits.auditRetentionDays * DAY_MS));
  }

  private async writeSince(since: Date | undefined, now: Date, signal: AbortSignal): Promise<void> {
    let after: string | undefined;
    while (!signal.aborted) {
      const chains: Chain[] = await this.repository.chains(since, after, BATCH);
      const moved = chains.filter(({ orgId, head }) => this.written.get(orgId) !== head.seq);
      const lines = moved.map(({ orgId, head }) => JSON.stringify(signedStatement(this.key, 'head', orgId, head, now)));
      if (lines.length > 0) await this.files.append(now.toISOString().slice(0, 10), lines);
      for (const { orgId, head } of moved) this.written.set(orgId, head.seq);
      after = chains.at(-1)?.orgId;
      if (chains.length < BATCH) return;
    }
  }
}
