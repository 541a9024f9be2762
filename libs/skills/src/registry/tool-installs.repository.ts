import { Inject, Injectable } from '@nestjs/common';
import type { ToolRequest } from '#libs/containers';
import { Database, type Sql, type Tx } from '#libs/database';
import { Notices } from '#libs/events';
import { type Scope, newId, prefixedId } from '#libs/kernel';
import type { ClaimingHost } from '../installing/skill-installs.repository.js';
import {
  type ClaimedToolInstall,
  MOST_LOG_LINES,
  type ToolAction,
  type ToolInstall,
  ToolInstallLostError,
} from './tool-install.js';

/** Notice of work on a tool: its state changed, or its installer said more; the key is the id of the work. */
export const TOOL_TOPIC = 'tool-install';

/** After its timeout, work that no host has ended is given up by whoever wants something of the tool. */
const GRACE_SECONDS = 120;

const COLUMNS = `i.id, i.name, i.action, i.state, i.logs, i.log_count AS "logCount", i.error, i.created_at AS "createdAt",
  i.finished_at AS "finishedAt"`;

const CLAIM = `
  WITH due AS (
    SELECT i.id FROM tool_installs i JOIN hosts h ON h.id = i.host_id
     WHERE h.id = $1 AND h.incarnation = $2 AND i.state IN ('pending','running') AND i.id <> ALL ($3::text[])
       AND ($4::text IS NULL OR i.id = $4)
     ORDER BY i.created_at LIMIT $5 FOR UPDATE OF i SKIP LOCKED
  )
  UPDATE tool_installs i SET epoch = i.epoch + 1, state = 'running', attempts = i.attempts + 1
    FROM due WHERE i.id = due.id
  RETURNING i.id, i.org_id AS "orgId", i.name, i.action, i.request, i.timeout_seconds AS "timeoutSeconds", i.attempts,
            i.epoch::float8 AS epoch`;

export interface NewToolInstall {
  readonly name: string;
  readonly action: ToolAction;
  readonly hostId: string;
  readonly request: ToolRequest | null;
  readonly timeoutSeconds: number;
  readonly requestedBy: string;
}

/** Rows of `tool_installs`. */
@Injectable()
export class ToolInstallsRepository {
  constructor(
    @Inject(Database) private readonly database: Database,
    @Inject(Notices) private readonly notices: Notices,
  ) {}

  /** The id of the new row; undefined when there is work on the tool already. */
  async open(tx: Tx, scope: Scope, work: NewToolInstall): Promise<string | undefined> {
    await tx.query(
      `UPDATE tool_installs SET state = 'failed', epoch = epoch + 1, error = 'No host has ended it in time', finished_at = now()
        WHERE org_id = $1 AND name = $2 AND state IN ('pending','running')
          AND created_at < now() - make_interval(secs => timeout_seconds + $3)`,
      [scope.orgId, work.name, GRACE_SECONDS],
    );
    const { name, action, hostId, request, timeoutSeconds, requestedBy } = work;
    const [row] = await tx.query<{ id: string }>(
      `INSERT INTO tool_installs (id, org_id, name, action, host_id, request, timeout_seconds, requested_by)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING RETURNING id`,
      [
        ...[prefixedId('ti', newId()), scope.orgId, name, action, hostId],
        ...[request && JSON.stringify(request), timeoutSeconds, requestedBy],
      ],
    );
    return row?.id;
  }

  async find(scope: Scope, id: string): Promise<ToolInstall | undefined> {
    const sql = `SELECT ${COLUMNS} FROM tool_installs i WHERE i.org_id = $1 AND i.id = $2`;
    return (await this.database.query<ToolInstall>(sql, [scope.orgId, id]))[0];
  }

  /** The newest work on a tool, under way or over. */
  async latest(scope: Scope, name: string, on: Sql = this.database): Promise<ToolInstall | undefined> {
    const sql = `SELECT ${COLUMNS} FROM tool_installs i WHERE i.org_id = $1 AND i.name = $2 ORDER BY i.created_at DESC LIMIT 1`;
    return (await on.query<ToolInstall>(sql, [scope.orgId, name]))[0];
  }

  /** Work for this host but for what is `busy` here; only `id` where one is given. */
  claim(host: ClaimingHost, busy: readonly string[], limit: number, id?: string): Promise<ClaimedToolInstall[]> {
    return this.database.query<ClaimedToolInstall>(CLAIM, [host.id, host.incarnation, busy, id ?? null, limit]);
  }

  /** @throws ToolInstallLostError */
  async say(work: ClaimedToolInstall, lines: readonly string[]): Promise<void> {
    const kept = `logs = (logs || $3::text[])[greatest(1, cardinality(logs) + cardinality($3::text[]) - ${MOST_LOG_LINES - 1}):]`;
    await this.write(this.database, work, `${kept}, log_count = log_count + cardinality($3::text[])`, [[...lines]]);
    this.notices.notify(TOOL_TOPIC, work.id);
  }

  /** @throws ToolInstallLostError */
  async end(tx: Tx, work: ClaimedToolInstall, error: string | null): Promise<void> {
    const set = `state = CASE WHEN $3::text IS NULL THEN 'done' ELSE 'failed' END, error = $3, finished_at = now()`;
    await this.write(tx, work, set, [error]);
    this.notices.notifyAfter(tx, TOOL_TOPIC, work.id);
  }

  /** Retention of work that ended. @returns how many; fewer than `limit` means done. */
  async deleteBefore(before: Date, limit: number): Promise<number> {
    const rows = await this.database.query(
      `DELETE FROM tool_installs WHERE id IN (
         SELECT id FROM tool_installs WHERE finished_at < $1 LIMIT $2 FOR UPDATE SKIP LOCKED) RETURNING 1`,
      [before, limit],
    );
    return rows.length;
  }

  private async write(on: Sql, work: ClaimedToolInstall, set: string, values: readonly unknown[]): Promise<void> {
    const sql = `UPDATE tool_installs SET ${set} WHERE id = $1 AND epoch = $2 AND state = 'running' RETURNING 1`;
    if ((await on.query(sql, [work.id, work.epoch, ...values])).length === 0) throw new ToolInstallLostError(work.id);
  }
}
