import { join } from 'node:path';
import { Inject, Injectable } from '@nestjs/common';
import { auditKeyOf } from '#libs/audit';
import { CONFIG, type Config } from '#libs/config';
import { newId } from '#libs/kernel';
import { Logger, Metrics } from '#libs/observability';
import { OBJECT_STORAGE, type ObjectStorage } from '#libs/storage';
import { connect } from '../connection.js';
import { type DrillResult, DrillsRepository } from './drills.repository.js';
import { rehearse } from './rehearsal.js';

/** Held by the worker that rehearses, on a connection of its own: it is free again as soon as that worker is gone. */
const DRILL_LOCK = 7_266_842;

/** Rehearses a restore every so often, since a backup that nobody has brought back is a hope. */
@Injectable()
export class RestoreDrill {
  constructor(
    @Inject(CONFIG) private readonly config: Config,
    @Inject(DrillsRepository) private readonly drills: DrillsRepository,
    @Inject(OBJECT_STORAGE) private readonly storage: ObjectStorage,
    @Inject(Logger) private readonly logger: Logger,
    @Inject(Metrics) metrics: Metrics,
  ) {
    const last = 'Whether the last rehearsal of a restore passed (1) or failed (0)';
    metrics.gauge('rookery_restore_drill_passed', last, [], async (gauge) => {
      const state = await drills.state();
      if (state) gauge.set({}, state.outcome === 'passed' ? 1 : 0);
    });
    metrics.gauge('rookery_restore_drill_seconds', 'How long the last rehearsal took', [], async (gauge) => {
      const state = await drills.state();
      if (state) gauge.set({}, state.seconds);
    });
    const when = 'When a rehearsal of a restore last passed, in seconds since 1970';
    metrics.gauge('rookery_restore_drill_last_passed_timestamp_seconds', when, [], async (gauge) => {
      const state = await drills.state();
      if (state?.passedAt) gauge.set({}, state.passedAt);
    });
  }

  /** Rehearses if it is time; one worker at a time over all hosts. @returns whether it did. */
  async runDue(signal: AbortSignal): Promise<boolean> {
    const everyHours = this.config.limits.restoreDrillHours;
    if (everyHours === 0 || !(await this.drills.isDue(everyHours))) return false;
    const lock = await connect(this.config.databaseUrl);
    try {
      const [row] = await lock.query<{ taken: boolean }>('SELECT pg_try_advisory_lock($1) AS taken', [DRILL_LOCK]);
      if (!row?.taken || !(await this.drills.isDue(everyHours))) return false;
      await this.run(signal);
      return true;
    } finally {
      await lock.close();
    }
  }

  private async run(signal: AbortSignal): Promise<void> {
    const id = newId();
    await this.drills.begin(id, this.config.host.id);
    this.logger.info('A rehearsal of a restore begins', { drill: id });
    const result = await this.result(signal);
    // what is broken off with the worker is begun anew by the next one
    if (signal.aborted) return;
    await this.drills.end(id, result);
    const { outcome, reason, rehearsed } = result;
    if (outcome === 'passed') this.logger.info('A rehearsal of a restore passed', { drill: id, ...rehearsed });
    else
      this.logger.error('A rehearsal of a restore failed: what is backed up could not be brought back', {
        drill: id,
        reason,
      });
  }

  private async result(signal: AbortSignal): Promise<DrillResult> {
    const { databaseUrl, dataDir, audit } = this.config;
    const from = { databaseUrl, storage: this.storage, auditDir: audit.dir, verifiers: [auditKeyOf(this.config)] };
    try {
      const rehearsed = await rehearse({ ...from, folder: join(dataDir, 'restore-drill'), signal });
      return { outcome: 'passed', reason: null, rehearsed };
    } catch (error) {
      return { outcome: 'failed', reason: error instanceof Error ? error.message : String(error), rehearsed: null };
    }
  }
}
