import { Inject, Injectable } from '@nestjs/common';
import { Database } from '#libs/database';
import type { AgentStatus } from '../agent.state.js';
import { HostSession } from '../hosts/host-session.js';
import type { WatchedAgent } from './watch-plan.js';

/** Nothing when a later worker has the host: what looks like an orphan from here may be what it just makes. */
const WATCHED = `
  SELECT a.id, a.status, a.instance_epoch, a.host_id IS NOT DISTINCT FROM me.id AS mine,
         coalesce(a.host_id <> me.id AND w.placed_on = a.host_id AND other.dead_since IS NULL, false) AS lives_elsewhere
    FROM hosts me
    JOIN agents a ON (a.host_id = me.id AND a.status <> 'deleted' AND $4) OR a.id = ANY ($3::uuid[])
    LEFT JOIN agent_workspaces w ON w.agent_id = a.id AND a.host_id <> me.id
    LEFT JOIN hosts other ON other.id = a.host_id AND a.host_id <> me.id
   WHERE me.id = $1 AND me.incarnation = $2`;

const STATS = `
  INSERT INTO agent_stats (agent_id, at, container_status, memory_bytes, memory_limit_bytes, cpu_percent)
  SELECT s.agent_id, now(), 'running', s.memory_bytes, s.memory_limit_bytes, s.cpu_percent
    FROM unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::real[])
           AS s (agent_id, memory_bytes, memory_limit_bytes, cpu_percent)
    JOIN agents a ON a.id = s.agent_id AND a.status = 'running' AND a.host_id = $5
  ON CONFLICT (agent_id) DO UPDATE SET at = excluded.at, container_status = excluded.container_status,
    memory_bytes = excluded.memory_bytes, memory_limit_bytes = excluded.memory_limit_bytes,
    cpu_percent = excluded.cpu_percent`;

export interface AgentReport {
  readonly agentId: string;
  readonly memoryBytes: number;
  readonly memoryLimitBytes: number;
  readonly cpuPercent: number;
}

interface WatchedRow {
  readonly id: string;
  readonly status: AgentStatus;
  readonly instance_epoch: string | null;
  readonly mine: boolean;
  readonly lives_elsewhere: boolean;
}

/** What the watcher reads and reports about this host's agents, whatever their organisation. */
@Injectable()
export class WatchRepository {
  constructor(
    @Inject(Database) private readonly database: Database,
    @Inject(HostSession) private readonly host: HostSession,
  ) {}

  /** This host's agents, and those of `others`. */
  all(others: readonly string[]): Promise<WatchedAgent[]> {
    return this.read(others, true);
  }

  async one(id: string): Promise<WatchedAgent | undefined> {
    return (await this.read([id], false))[0];
  }

  async report(reports: readonly AgentReport[]): Promise<void> {
    await this.database.named('agent_stats.report', STATS, [
      reports.map((report) => report.agentId),
      reports.map((report) => Math.round(report.memoryBytes)),
      reports.map((report) => Math.round(report.memoryLimitBytes)),
      reports.map((report) => report.cpuPercent),
      this.host.id,
    ]);
  }

  private async read(ids: readonly string[], all: boolean): Promise<WatchedAgent[]> {
    const values = [this.host.id, this.host.incarnation, ids, all];
    const rows = await this.database.named<WatchedRow>('agents.watched', WATCHED, values);
    return rows.map((row) => ({
      id: row.id,
      status: row.status,
      mine: row.mine,
      livesElsewhere: row.lives_elsewhere,
      instanceEpoch: row.instance_epoch === null ? null : Number(row.instance_epoch),
    }));
  }
}
