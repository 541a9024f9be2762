import { Inject, Injectable } from '@nestjs/common';
import { Database } from '#libs/database';
import { HostSession } from '../hosts/host-session.js';
import { type LogColumns, type ShippedLine, toColumns } from './log-batch.js';

/**
 * One statement, so lines and the positions they came from are stored together or not at all; lines up to the stored
 * position are left out, so repeating a batch whose answer was lost stores nothing twice. What an old copy still says
 * after its agent has moved is left out too, and what is said after the deletion, which may be erased by then.
 */
const INSERT = `
  WITH stream AS (
    SELECT c.agent_id, c.source, c.position, coalesce(old.position, -1) AS stored
      FROM unnest($6::uuid[], $7::text[], $8::bigint[]) AS c (agent_id, source, position)
      JOIN agents a ON a.id = c.agent_id AND a.desired_state <> 'deleted' AND a.host_id = $9
      LEFT JOIN log_cursors old ON old.agent_id = c.agent_id AND old.source = c.source
  ), moved AS (
    INSERT INTO log_cursors (agent_id, source, position)
    SELECT agent_id, source, greatest(position, stored) FROM stream
    ON CONFLICT (agent_id) DO UPDATE SET source = excluded.source, position = excluded.position
  )
  INSERT INTO log_lines (agent_id, at, level, line)
  SELECT l.agent_id, l.at, l.level, l.line
    FROM unnest($1::uuid[], $2::timestamptz[], $3::text[], $4::text[], $5::bigint[]) WITH ORDINALITY
           AS l (agent_id, at, level, line, position, nr)
    JOIN stream ON stream.agent_id = l.agent_id AND l.position > stream.stored
   ORDER BY l.nr`;

export interface LogCursor {
  readonly source: string;
  readonly position: number;
}

/** Writes agents' output: what the host's worker has read. */
@Injectable()
export class LogStore {
  constructor(
    @Inject(Database) private readonly database: Database,
    @Inject(HostSession) private readonly host: HostSession,
  ) {}

  async append(lines: readonly ShippedLine[]): Promise<void> {
    const columns: LogColumns = toColumns(lines, Date.now());
    const { cursors } = columns;
    await this.database.named('log_lines.append', INSERT, [
      columns.agentIds,
      columns.ats,
      columns.levels,
      columns.lines,
      columns.positions,
      cursors.agentIds,
      cursors.sources,
      cursors.positions,
      this.host.id,
    ]);
  }

  async cursors(agentIds: readonly string[]): Promise<Map<string, LogCursor>> {
    const rows = await this.database.query<{ agent_id: string; source: string; position: string }>(
      'SELECT agent_id, source, position FROM log_cursors WHERE agent_id = ANY ($1::uuid[])',
      [agentIds],
    );
    return new Map(rows.map((row) => [row.agent_id, { source: row.source, position: Number(row.position) }]));
  }
}
