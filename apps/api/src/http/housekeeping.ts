import { type BeforeApplicationShutdown, Inject, Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { Logger } from '#libs/observability';
import { SlidingWindow } from '#libs/rate-limit';
import { IdempotencyRepository } from './idempotency/idempotency.repository.js';

const SWEEP_EVERY_MS = 60_000;

/** Deletes what the HTTP edge no longer needs: idle rate limits and idempotency keys older than a day. */
@Injectable()
export class HttpHousekeeping implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private timer: NodeJS.Timeout | undefined;

  constructor(
    @Inject(SlidingWindow) private readonly window: SlidingWindow,
    @Inject(IdempotencyRepository) private readonly keys: IdempotencyRepository,
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
      await this.window.sweep(10_000);
      await this.keys.sweep(10_000);
    } catch (error) {
      this.logger.warn('housekeeping of the HTTP edge failed', { error });
    }
  }
}
