import { Inject, Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { Notices } from '#libs/events';
import { Logger, RateLimitedLogger } from '#libs/observability';
import { AUDIT_TOPIC } from '../audit-log.js';
import { type ChainPoint, GENESIS, nextPoint } from './chain.js';
import { type SealedRow, SealingRepository } from './sealing.repository.js';

const BATCH = 1_000;
/** How long a ring waits for others, so that busy writers are sealed together. */
const GATHER_MS = 100;

/**
 * Gives each row its place and hash, in one process at a time and away from the writers: the chain costs them nothing.
 * Woken by notice; a schedule finds what no notice rang for.
 */
@Injectable()
export class AuditSealer implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly log: RateLimitedLogger;
  private unsubscribe: (() => void) | undefined;
  private timer: NodeJS.Timeout | undefined;
  private sealing: Promise<void> | undefined;
  private closed = false;

  constructor(
    @Inject(SealingRepository) private readonly repository: SealingRepository,
    @Inject(Notices) private readonly notices: Notices,
    @Inject(Logger) logger: Logger,
  ) {
    this.log = new RateLimitedLogger(logger.child({ component: 'audit' }));
  }

  onApplicationBootstrap(): void {
    this.unsubscribe = this.notices.subscribe(AUDIT_TOPIC, () => this.wake());
  }

  async onApplicationShutdown(): Promise<void> {
    this.closed = true;
    this.unsubscribe?.();
    clearTimeout(this.timer);
    await this.sealing?.catch(() => undefined);
  }

  /** Seals what waits; a call while one runs is the same one. */
  seal(): Promise<void> {
    this.sealing ??= this.sealAll().finally(() => (this.sealing = undefined));
    return this.sealing;
  }

  private wake(): void {
    if (this.closed) return;
    this.timer ??= setTimeout(() => {
      this.timer = undefined;
      this.seal().catch((error: unknown) => this.log.warn('audit rows were not sealed', { error }));
    }, GATHER_MS);
  }

  private async sealAll(): Promise<void> {
    if (!(await this.repository.hasUnsealed())) return;
    while (!this.closed && (await this.sealBatch()) === BATCH);
  }

  /** @returns how many rows were sealed; 0 also when another process is at it. */
  private sealBatch(): Promise<number> {
    return this.repository.database.transaction(async (tx) => {
      if (!(await this.repository.becomeSealer(tx))) return 0;
      const events = await this.repository.unsealed(tx, BATCH);
      if (events.length === 0) return 0;
      const heads = await this.repository.heads(tx, [...new Set(events.map(({ orgId }) => orgId))]);
      const moved = new Map<string, ChainPoint>();
      const rows = events.map((event): SealedRow => {
        const point = nextPoint(moved.get(event.orgId) ?? heads.get(event.orgId) ?? GENESIS, event);
        moved.set(event.orgId, point);
        return { id: event.id, point };
      });
      await this.repository.store(tx, rows, moved);
      return rows.length;
    });
  }
}
