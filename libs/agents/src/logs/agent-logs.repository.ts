import { Inject, Injectable } from '@nestjs/common';
import { Database } from '#libs/database';
import type { Scope } from '#libs/kernel';
import type { LogLine } from '../agent.js';

type Row = Omit<LogLine, 'id'> & { readonly id: string };

const MINE = `EXISTS (SELECT 1 FROM agents WHERE id = $2 AND org_id = $1 AND desired_state <> 'deleted')`;
const TAIL = `SELECT id, at, level, line FROM log_lines WHERE agent_id = $2 AND ${MINE} ORDER BY id DESC LIMIT $3`;
const AFTER = `
  SELECT id, at, level, line FROM log_lines WHERE agent_id = $2 AND id > $3 AND ${MINE} ORDER BY id LIMIT $4`;

const toLine = (row: Row): LogLine => ({ ...row, id: Number(row.id) });

/** Reads stored output. The lines of one agent are written by one worker, one batch after the other: ids never lag. */
@Injectable()
export class AgentLogsRepository {
  constructor(@Inject(Database) private readonly database: Database) {}

  async exists(scope: Scope, agentId: string): Promise<boolean> {
    const rows = await this.database.query<{ mine: boolean }>(`SELECT ${MINE} AS mine`, [scope.orgId, agentId]);
    return rows[0]?.mine ?? false;
  }

  /** The newest `limit` lines, oldest first. */
  async tail(scope: Scope, agentId: string, limit: number): Promise<LogLine[]> {
    const rows = await this.database.query<Row>(TAIL, [scope.orgId, agentId, limit]);
    return rows.map(toLine).reverse();
  }

  async after(scope: Scope, agentId: string, id: number, limit: number): Promise<LogLine[]> {
    const rows = await this.database.query<Row>(AFTER, [scope.orgId, agentId, id, limit]);
    return rows.map(toLine);
  }
}
