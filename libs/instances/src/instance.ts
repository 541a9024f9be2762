import type { OnApplicationShutdown, OnModuleInit } from '@nestjs/common';
import type { Database } from '#libs/database';
import { newId } from '#libs/kernel';

/** Which program a process is. */
export type InstanceKind = 'api' | 'worker' | 'edge';

const BEAT_EVERY_MS = 3_000;

/** A process without a beat for this long is taken for dead and what it left open is closed. */
export const INSTANCE_DEAD_AFTER_SECONDS = 12;

/**
 * This process in the table `instances`: one row from start to graceful end, with a beat every 3 s.
 * Rows that refer to `id` (runs, idempotency keys) are closed by others when the beat stops.
 */
export class Instance implements OnModuleInit, OnApplicationShutdown {
  /** New at every start of the process. */
  readonly id = newId();
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly database: Database,
    readonly kind: InstanceKind,
    private readonly hostId: string | null,
  ) {}

  async onModuleInit(): Promise<void> {
    await this.beat();
    this.timer = setInterval(() => void this.beat().catch(() => undefined), BEAT_EVERY_MS);
    this.timer.unref();
    await this.database.query(`DELETE FROM instances WHERE heartbeat_at < now() - interval '1 day'`);
  }

  /** Says that this process lives. @throws DomainError `unavailable` while Postgres can't be reached. */
  async beat(): Promise<void> {
    await this.database.named(
      'instance_beat',
      `INSERT INTO instances (id, kind, host_id) VALUES ($1, $2, $3)
       ON CONFLICT (id) DO UPDATE SET heartbeat_at = now()`,
      [this.id, this.kind, this.hostId],
    );
  }

  async onApplicationShutdown(): Promise<void> {
    clearInterval(this.timer);
    if (!this.database.dataSource.isInitialized) return;
    await this.database.query('DELETE FROM instances WHERE id = $1', [this.id]).catch(() => undefined);
  }
}
