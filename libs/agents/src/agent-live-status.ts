import { Inject, Injectable } from '@nestjs/common';
import { GatewayClient } from '#libs/gateway-client';
import type { Scope } from '#libs/kernel';
import type { AgentResources, GatewayTarget, LiveStatus } from './agent.js';
import { agentNotFound, agentNotRunning } from './agents.errors.js';
import { AgentsRepository, type StatsRow, type TargetRow } from './agents.repository.js';

const REPORT_FRESH_SECONDS = 60;

/** Where a running agent answers, and how it does just now. */
@Injectable()
export class AgentLiveStatus {
  constructor(
    @Inject(AgentsRepository) private readonly agents: AgentsRepository,
    @Inject(GatewayClient) private readonly gateway: GatewayClient,
  ) {}

  /** @throws DomainError `not_found`, `agent_not_running`. */
  async target(scope: Scope, agentId: string): Promise<GatewayTarget> {
    const row = await this.agents.target(scope, agentId);
    if (!row) throw agentNotFound();
    const target = toTarget(agentId, row);
    if (!target) throw agentNotRunning();
    return target;
  }

  /** From the last report of the host when it is fresh, else by asking the agent. */
  async of(scope: Scope, agentId: string): Promise<LiveStatus> {
    const row = await this.agents.target(scope, agentId);
    if (!row) throw agentNotFound();
    const target = toTarget(agentId, row);
    const report = await this.agents.stats(scope, agentId, REPORT_FRESH_SECONDS);
    if (report?.fresh) return fromReport(row, report);
    if (!target) return { ...absent(row), containerStatus: report?.container_status ?? 'missing' };
    const live = (await this.gateway.health(target)).live;
    return { status: row.status, containerStatus: live ? 'running' : 'unknown', live, resources: null, source: 'ssh' };
  }
}

const toTarget = (agentId: string, row: TargetRow): GatewayTarget | undefined =>
  row.status === 'running' && row.host_id && row.edge_url && row.endpoint && row.instance_epoch !== null
    ? {
        agentId,
        hostId: row.host_id,
        edgeUrl: row.edge_url,
        endpoint: row.endpoint,
        epoch: Number(row.instance_epoch),
        runtime: row.runtime,
        servesPeers: row.serves_peers,
      }
    : undefined;

const absent = (row: TargetRow) => ({ status: row.status, live: false, resources: null, source: 'ssh' as const });

function fromReport(row: TargetRow, report: StatsRow): LiveStatus {
  const running = report.container_status === 'running' && row.status === 'running';
  return {
    status: row.status,
    containerStatus: report.container_status,
    live: running,
    resources: running ? resources(report) : null,
    source: 'redis',
  };
}

const resources = (report: StatsRow): AgentResources | null =>
  report.memory_bytes === null
    ? null
    : {
        memoryBytes: Number(report.memory_bytes),
        memoryLimitBytes: Number(report.memory_limit_bytes ?? 0),
        cpuPercent: report.cpu_percent ?? 0,
      };
