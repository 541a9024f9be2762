import { Inject, Injectable, Module } from '@nestjs/common';
import { CONFIG, type Config, keptSecret } from '#libs/config';
import { AuditCheckpoints } from './checkpoints/audit-checkpoints.js';
import { AuditKey } from './checkpoints/audit-key.js';
import { AuditRetention } from './sealing/audit-retention.js';
import { AuditSealer } from './sealing/audit-sealer.js';
import { SealingRepository } from './sealing/sealing.repository.js';

const THROTTLE_BATCH = 10_000;

/** What workers do for the audit log by the clock. */
@Injectable()
export class AuditUpkeep {
  constructor(
    @Inject(AuditSealer) private readonly sealer: AuditSealer,
    @Inject(AuditCheckpoints) private readonly checkpoints: AuditCheckpoints,
    @Inject(AuditRetention) private readonly retention: AuditRetention,
    @Inject(SealingRepository) private readonly repository: SealingRepository,
  ) {}

  /** Seals what no notice rang for. */
  seal(): Promise<void> {
    return this.sealer.seal();
  }

  /** Writes signed checkpoints of the chains that moved, and forgets old throttles. */
  async checkpoint(signal: AbortSignal): Promise<void> {
    await this.checkpoints.write(signal);
    await this.repository.sweepThrottles(THROTTLE_BATCH);
  }

  /** Deletes sealed rows older than `before`. @returns how many; fewer than `limit` means done. */
  deleteBefore(before: Date, limit: number): Promise<number> {
    return this.retention.deleteBefore(before, limit);
  }
}

/** The key of the configuration; without one it is made at its first use and kept beside the other secrets. */
export const auditKeyOf = ({ audit }: Pick<Config, 'audit'>): AuditKey =>
  new AuditKey(() => audit.key ?? keptSecret(audit.keyFile));

/** The sealer, checkpoints and retention: for workers. Needs ConfigModule, DatabaseModule, EventsModule and LoggerModule. */
@Module({
  providers: [
    { provide: AuditKey, inject: [CONFIG], useFactory: auditKeyOf },
    SealingRepository,
    AuditSealer,
    AuditCheckpoints,
    AuditRetention,
    AuditUpkeep,
  ],
  exports: [AuditUpkeep],
})
export class AuditUpkeepModule {}
