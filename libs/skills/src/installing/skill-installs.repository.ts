import { Inject, Injectable } from '@nestjs/common';
import { Database, type Sql, type Tx } from '#libs/database';
import { Notices } from '#libs/events';
import type { Scope } from '#libs/kernel';
import type { KeyedSkill } from '../skills.repository.js';
import {
  type ClaimedInstall,
  type FormerSkill,
  type InstallError,
  InstallLostError,
  type InstallStep,
  PROGRESS,
  type SkillInstall,
} from './skill-install.js';

/** Notice of an installation whose state changed; the key is its id. */
export const INSTALL_TOPIC = 'skill-install';

const COLUMNS = `
  i.id, i.agent_id AS "agentId", i.skill_id AS "skillId", i.name, i.trust_level AS "trustLevel", i.version, i.digest, i.former,
  i.state, i.step, i.progress, i.attempts, i.next_attempt_at AS "nextAttemptAt", i.created_at AS "createdAt",
  i.finished_at AS "finishedAt", CASE WHEN i.error_kind IS NULL THEN NULL
    ELSE jsonb_build_object('kind', i.error_kind, 'code', i.error_code, 'message', i.error) END AS error`;

const CLAIMED = `${COLUMNS}, i.org_id AS "orgId", i.skill_key AS "skillKey", i.requested_by AS "requestedBy",
  i.epoch::float8 AS epoch`;

const CLAIM = `
  WITH due AS (
    SELECT i.id FROM skill_installs i JOIN agents a ON a.id = i.agent_id JOIN hosts h ON h.id = a.host_id
     WHERE h.id = $1 AND h.incarnation = $2 AND i.state IN ('pending','running') AND i.id <> ALL ($3::text[])
       AND (i.next_attempt_at IS NULL OR i.next_attempt_at <= now()) AND ($4::text IS NULL OR i.id = $4)
     ORDER BY i.created_at LIMIT $5 FOR UPDATE OF i SKIP LOCKED
  )
  UPDATE skill_installs i SET epoch = i.epoch + 1, state = 'running', attempts = i.attempts + 1, next_attempt_at = NULL
    FROM due WHERE i.id = due.id RETURNING ${CLAIMED}`;

/** The host that claims. */
export interface ClaimingHost {
  readonly id: string;
  readonly incarnation: number;
}

/** Rows of `skill_installs`. */
@Injectable()
export class SkillInstallsRepository {
  constructor(
    @Inject(Database) private readonly database: Database,
    @Inject(Notices) private readonly notices: Notices,
  ) {}

  /** False when another installation of the skill on the agent is under way. */
  async open(
    tx: Tx,
    scope: Scope,
    install: {
      readonly id: string;
      readonly agentId: string;
      readonly skill: KeyedSkill;
      readonly former: FormerSkill | null;
      readonly requestedBy: string;
    },
  ): Promise<boolean> {
    const { id, agentId, skill, former, requestedBy } = install;
    const rows = await tx.query(
      `INSERT INTO skill_installs (id, org_id, agent_id, skill_key, skill_id, name, trust_level, version, digest, former, requested_by)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT DO NOTHING RETURNING 1`,
      [
        ...[id, scope.orgId, agentId, skill.key, skill.id, skill.name, skill.trustLevel, skill.version, skill.digest],
        ...[former && JSON.stringify(former), requestedBy],
      ],
    );
    return rows.length > 0;
  }

  async find(scope: Scope, id: string): Promise<SkillInstall | undefined> {
    const sql = `SELECT ${COLUMNS} FROM skill_installs i WHERE i.org_id = $1 AND i.id = $2`;
    return (await this.database.query<SkillInstall>(sql, [scope.orgId, id]))[0];
  }

  /** The newest of a skill on an agent, under way or over. */
  async latest(scope: Scope, agentId: string, skillId: string): Promise<SkillInstall | undefined> {
    const [install] = await this.database.query<SkillInstall>(
      `SELECT ${COLUMNS} FROM skill_installs i WHERE i.org_id = $1 AND i.agent_id = $2 AND i.skill_id = $3
        ORDER BY i.created_at DESC LIMIT 1`,
      [scope.orgId, agentId, skillId],
    );
    return install;
  }

  /** Due ones of this host but for those `busy` here; only `id` where one is given. */
  claim(host: ClaimingHost, busy: readonly string[], limit: number, id?: string): Promise<ClaimedInstall[]> {
    return this.database.query<ClaimedInstall>(CLAIM, [host.id, host.incarnation, busy, id ?? null, limit]);
  }

  /** @throws InstallLostError */
  async reach({ id, epoch }: ClaimedInstall, step: InstallStep, on: Sql = this.database): Promise<void> {
    await this.write(on, id, epoch, 'step = $3, progress = $4', [step, PROGRESS[step]]);
    this.notices.notify(INSTALL_TOPIC, id);
  }

  /** @throws InstallLostError */
  async retryLater({ id, epoch }: ClaimedInstall, error: InstallError, seconds: number): Promise<void> {
    const set = `state = 'pending', error_kind = $3, error_code = $4, error = $5,
                 next_attempt_at = now() + make_interval(secs => $6)`;
    await this.write(this.database, id, epoch, set, [error.kind, error.code, error.message, seconds]);
    this.notices.notify(INSTALL_TOPIC, id);
  }

  /** @throws InstallLostError */
  async end(tx: Tx, { id, epoch }: Pick<ClaimedInstall, 'id' | 'epoch'>, error: InstallError | null): Promise<void> {
    const set = `state = CASE WHEN $3::text IS NULL THEN 'done' ELSE 'failed' END, error_kind = $3, error_code = $4, error = $5,
                 step = CASE WHEN $3::text IS NULL THEN 'finished' ELSE step END,
                 progress = CASE WHEN $3::text IS NULL THEN 100 ELSE progress END,
                 next_attempt_at = NULL, finished_at = now()`;
    await this.write(tx, id, epoch, set, [error?.kind ?? null, error?.code ?? null, error?.message ?? null]);
    this.notices.notifyAfter(tx, INSTALL_TOPIC, id);
  }

  /** Ends what is under way for a skill on an agent; its worker writes nothing more. */
  async callOff(tx: Tx, scope: Scope, agentId: string, skillId: string, reason: string): Promise<void> {
    const rows = await tx.query<{ id: string }>(
      `UPDATE skill_installs SET state = 'failed', epoch = epoch + 1, error_kind = 'conflict', error_code = 'install_called_off',
              error = $4, next_attempt_at = NULL, finished_at = now()
        WHERE org_id = $1 AND agent_id = $2 AND skill_id = $3 AND state IN ('pending','running') RETURNING id`,
      [scope.orgId, agentId, skillId, reason],
    );
    for (const { id } of rows) this.notices.notifyAfter(tx, INSTALL_TOPIC, id);
  }

  /** Retention of those that ended. @returns how many; fewer than `limit` means done. */
  async deleteBefore(before: Date, limit: number): Promise<number> {
    const rows = await this.database.query(
      `DELETE FROM skill_installs WHERE id IN (
         SELECT id FROM skill_installs WHERE finished_at < $1 LIMIT $2 FOR UPDATE SKIP LOCKED) RETURNING 1`,
      [before, limit],
    );
    return rows.length;
  }

  private async write(on: Sql, id: string, epoch: number, set: string, values: readonly unknown[]): Promise<void> {
    const sql = `UPDATE skill_installs SET ${set} WHERE id = $1 AND epoch = $2 AND state = 'running' RETURNING 1`;
    if ((await on.query(sql, [id, epoch, ...values])).length === 0) throw new InstallLostError(id);
  }
}
