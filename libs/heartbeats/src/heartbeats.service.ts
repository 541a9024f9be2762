import { Inject, Injectable } from '@nestjs/common';
import { type Agent, AgentsService, type CreateAgent, type UpdateAgent, agentNotRunning } from '#libs/agents';
import { Instance } from '#libs/instances';
import { type Caller, type FieldIssue, type Page, type PageRequest, invalid, newId, requireScope } from '#libs/kernel';
import { ExecutionsRepository } from './executions.repository.js';
import { HeartbeatSettingsRepository } from './heartbeat-settings.repository.js';
import { HeartbeatTurns } from './heartbeat-turns.js';
import {
  HEARTBEAT_INTERVALS,
  type HeartbeatChange,
  type HeartbeatExecution,
  type HeartbeatSettings,
  MOST_CHECKS,
  MOST_CHECK_LENGTH,
  NO_HEARTBEAT,
} from './heartbeat.js';
import { heartbeatRunning } from './heartbeats.errors.js';

/** Agents with their heartbeats, as users see and change them. */
@Injectable()
export class HeartbeatsService {
  constructor(
    @Inject(AgentsService) private readonly agents: AgentsService,
    @Inject(HeartbeatSettingsRepository) private readonly settings: HeartbeatSettingsRepository,
    @Inject(ExecutionsRepository) private readonly executions: ExecutionsRepository,
    @Inject(HeartbeatTurns) private readonly turns: HeartbeatTurns,
    @Inject(Instance) private readonly instance: Instance,
  ) {}

  /** Agent and heartbeat in one transaction. @throws DomainError what `AgentsService.create` throws, and `validation`. */
  createAgent(caller: Caller, input: CreateAgent, heartbeat: HeartbeatChange = {}, id?: string): Promise<Agent> {
    checked(heartbeat);
    return this.agents.create(caller, input, id, (tx, agentId) =>
      this.settings.configure(tx, caller, agentId, heartbeat),
    );
  }

  /** @throws DomainError what `AgentsService.update` throws, and `validation`. */
  updateAgent(caller: Caller, id: string, change: UpdateAgent, heartbeat?: HeartbeatChange): Promise<Agent> {
    if (heartbeat === undefined) return this.agents.update(caller, id, change);
    checked(heartbeat);
    return this.agents.update(caller, id, change, (tx) => this.settings.configure(tx, caller, id, heartbeat));
  }

  /** Of several agents, by their ids; in one query. */
  async settingsOf(caller: Caller, agentIds: readonly string[]): Promise<ReadonlyMap<string, HeartbeatSettings>> {
    requireScope(caller, 'agents:read');
    const found = await this.settings.of(caller, agentIds);
    return new Map(agentIds.map((id) => [id, found.get(id) ?? NO_HEARTBEAT]));
  }

  /** The latest first. @throws DomainError `not_found`. */
  async list(caller: Caller, agentId: string, page: PageRequest): Promise<Page<HeartbeatExecution>> {
    await this.agents.get(caller, agentId);
    return this.executions.list(caller, agentId, page);
  }

  /**
   * Has the agent go through its checklist now, and waits for it. A turn that fails is an execution that failed.
   * @param id - for a request that may be repeated: the execution it began already is the answer.
   * @throws DomainError `not_found`; `agent_not_running`; `conflict` code `heartbeat_running`.
   */
  async runNow(caller: Caller, agentId: string, id: string = newId()): Promise<HeartbeatExecution> {
    requireScope(caller, 'agents:write');
    const agent = await this.agents.get({ ...caller, scopes: ['agents:read'] }, agentId);
    const made = await this.executions.find(caller, agentId, id);
    if (made) return made;
    if (agent.status !== 'running' || agent.desiredState !== 'running') throw agentNotRunning();
    const execution = await this.executions.begin(caller, agentId, { id, instanceId: this.instance.id });
    if (!execution) throw heartbeatRunning();
    return this.turns.carry(execution);
  }
}

function checked({ interval, checklist = [] }: HeartbeatChange): void {
  const issues: FieldIssue[] = [];
  if (interval !== undefined && !Object.hasOwn(HEARTBEAT_INTERVALS, interval)) {
    issues.push(issue('interval', `must be one of ${Object.keys(HEARTBEAT_INTERVALS).join(', ')}`));
  }
  if (checklist.length > MOST_CHECKS) issues.push(issue('checklist', `may have at most ${MOST_CHECKS} lines`));
  if (checklist.some((check) => check.trim() === '' || check.length > MOST_CHECK_LENGTH)) {
    issues.push(issue('checklist', `must be of lines of 1 to ${MOST_CHECK_LENGTH} characters`));
  }
  if (issues[0]) throw invalid(`heartbeat.${issues[0].path.at(-1)} ${issues[0].message}`, issues);
}

const issue = (field: string, message: string): FieldIssue => ({
  path: ['body', 'heartbeat', field],
  message,
  type: 'invalid',
});
