import { type BeforeApplicationShutdown, Inject, Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { IdentityUpkeep } from '#libs/identity';
import { Logger } from '#libs/observability';
import { SlidingWindow } from '#libs/rate-limit';
import { IdempotencyRepository } from './idempotency/idempotency.repository.js';

const SWEEP_EVERY_MS = 60_000;
const BATCH = 10_000;

/** Deletes what is no longer needed: idle rate limits, idempotency keys a day old, expired sessions and tokens, revoked keys. */
@Injectable()
export class HttpHousekeeping implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private timer: NodeJS.Timeout | undefined;

  constructor(
    @Inject(SlidingWindow) private readonly window: SlidingWindow,
    @Inject(IdempotencyRepository) private readonly keys: IdempotencyRepository,
    @Inject(IdentityUpkeep) private readonly identity: IdentityUpkeep,
    @Inject(Logger) private readonly logger: Logger,
  ) {}

  onApplicationBootstrap(): void {
    this.timer = setInterval(() => void this.sweep(), SWEEP_EVERY_MS);
    this.timer.unref();
  }

  beforeApplicationShutdown(): void {
    clearInterval(this.timer);
  }

  async sweep(): Promise<void> {
    try {
      await this.window.sweep(BATCH);
      await this.keys.sweep(BATCH);
      await this.identity.sweep(BATCH);
    } catch (error) {
      this.logger.warn('housekeeping of the HTTP edge failed', { error });
    }
  }
}
