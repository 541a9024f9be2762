import { Inject, Injectable } from '@nestjs/common';
import { AuditLog, done } from '#libs/audit';
import { Database, type Tx } from '#libs/database';
import type { Scope } from '#libs/kernel';
import { SecretsService } from '#libs/secrets';
import { SwarmsService } from '#libs/swarms';
import type { AgentConfig, AlongWith, UpdateAgent } from './agent.js';
import { mergedConfig } from './agent-config.js';
import { AgentJournal, type Changed } from './agent-journal.js';
import { type AgentCommand, type AgentStatus, type DesiredState, refusalOf, statusAfter } from './agent.state.js';
import { agentNotFound, wrongAgentState } from './agents.errors.js';
import type { SkillSwitchData } from './agents.events.js';

interface LockedAgent {
  readonly id: string;
  readonly status: AgentStatus;
  readonly desired_state: DesiredState;
  readonly restart_generation: number;
  readonly observed_restart_generation: number;
  readonly paused_at: Date | null;
  readonly persona: string | null;
  readonly config: AgentConfig;
  readonly swarm_id: string | null;
  readonly host_id: string | null;
  readonly incarnation: number | null;
  readonly host_runtime: string | null;
}

const LOCK = `
  SELECT a.id, a.status, a.desired_state, a.restart_generation, a.observed_restart_generation, a.paused_at, a.persona,
         a.config, a.swarm_id,
         a.host_id, h.incarnation, h.runtime AS host_runtime
    FROM agents a LEFT JOIN hosts h ON h.id = a.host_id
   WHERE a.org_id = $1 AND a.id = $2 AND a.desired_state <> 'deleted' FOR UPDATE OF a`;

const COMMAND = `
  UPDATE agents SET desired_state = $3, status = $4, restart_generation = restart_generation + $5,
         instance_epoch = CASE WHEN $3 = 'deleted' THEN NULL ELSE instance_epoch END,
         endpoint = CASE WHEN $3 = 'deleted' THEN NULL ELSE endpoint END,
         paused_at = CASE $6 WHEN 'pause' THEN now() WHEN 'stop' THEN paused_at WHEN 'reset_memory' THEN paused_at END,
         repair_wanted = repair_wanted OR $6 = 'repair', memory_reset_wanted = memory_reset_wanted OR $6 = 'reset_memory',
         next_attempt_at = NULL, attempts = 0, last_error = NULL, error_category = NULL,
         event_seq = event_seq + 1, updated_at = now()
   WHERE org_id = $1 AND id = $2 RETURNING id, org_id, event_seq`;

const UPDATE = `
  UPDATE agents SET name = coalesce($3, name), avatar_url = CASE WHEN $4 THEN $5 ELSE avatar_url END, config = $6,
         swarm_id = $7, persona = $8, desired_generation = desired_generation + $9, event_seq = event_seq + 1, updated_at = now()
   WHERE org_id = $1 AND id = $2 RETURNING id, org_id, event_seq`;

/** Undefined: as it is. */
const DESIRED: Readonly<Record<AgentCommand, DesiredState | undefined>> = {
  start: 'running',
  restart: 'running',
  resume: 'running',
  provision: 'running',
  repair: 'running',
  reset_memory: undefined,
  stop: 'stopped',
  pause: 'stopped',
  delete: 'deleted',
};

/** Writes what users want of an agent: one transaction with event, notice and ring. */
@Injectable()
export class AgentCommands {
  constructor(
    @Inject(Database) private readonly database: Database,
    @Inject(AgentJournal) private readonly journal: AgentJournal,
    @Inject(SecretsService) private readonly secrets: SecretsService,
    @Inject(SwarmsService) private readonly swarms: SwarmsService,
    @Inject(AuditLog) private readonly audit: AuditLog,
  ) {}

  /**
   * Repeating a command that is done already changes nothing.
   * @throws DomainError `not_found`; `conflict` for one that the agent's state does not allow.
   */
  run(scope: Scope, id: string, command: AgentCommand, cause: string): Promise<void> {
    return this.database.transaction(async (tx) => {
      const agent = await this.lock(tx, scope, id);
      const status = nextStatus(command, agent);
      if (!status) return;
      const desired = DESIRED[command] ?? agent.desired_state;
      const restarts = status === 'restarting' ? 1 : 0;
      const row = await one<Changed>(tx, COMMAND, [scope.orgId, id, desired, status, restarts, command]);
      if (command === 'delete') await this.secrets.removeOwner(tx, scope, { kind: 'agent', id });
      await this.journal.status(tx, row, { from: agent.status, to: status, cause: `${command} by ${cause}` });
      await this.audit.append(tx, scope, done({ subject: cause }, `agent.${command}`, `agent:${id}`));
      await this.ring(tx, agent);
    });
  }

  /**
   * @param also - writes of the same transaction.
   * @throws DomainError `not_found` for agent and swarm, `validation` when the merged config is wrong.
   */
  update(scope: Scope, id: string, change: UpdateAgent, cause: string, also?: AlongWith): Promise<void> {
    return this.database.transaction(async (tx) => {
      if (typeof change.swarmId === 'string') await this.swarms.hold(tx, scope, change.swarmId);
      const agent = await this.lock(tx, scope, id);
      const inDocker = agent.host_runtime === 'docker';
      const config = changedConfig(agent.config, change, inDocker);
      const persona = change.persona === undefined ? agent.persona : change.persona;
      const swarmId = change.swarmId === undefined ? agent.swarm_id : change.swarmId;
      const touches = !makesTheSame(config, agent.config) || swarmId !== agent.swarm_id || persona !== agent.persona;
      const avatar = change.avatarUrl !== undefined;
      const values = [change.name ?? null, avatar, change.avatarUrl ?? null, JSON.stringify(config), swarmId, persona];
      const row = await one<Changed>(tx, UPDATE, [scope.orgId, id, ...values, touches ? 1 : 0]);
      await this.journal.updated(tx, row, Object.keys(change), cause);
      const fields = Object.keys(change).join(' ');
      await this.audit.append(tx, scope, done({ subject: cause }, 'agent.update', `agent:${id}`, { fields }));
      await also?.(tx, id);
    });
  }

  /**
   * Says that something an instance is made from has changed (secrets, files, skills): a running agent needs a restart.
   * @returns needsRestart
   */
  async touch(tx: Tx, scope: Scope, id: string, what: string, cause: string): Promise<boolean> {
    const rows = await tx.query<Changed & { status: AgentStatus }>(
      `UPDATE agents SET desired_generation = desired_generation + 1, event_seq = event_seq + 1, updated_at = now()
        WHERE org_id = $1 AND id = $2 AND desired_state <> 'deleted' RETURNING id, org_id, event_seq, status`,
      [scope.orgId, id],
    );
    const row = rows[0];
    if (!row) throw agentNotFound();
    await this.journal.updated(tx, row, [what], cause);
    return row.status === 'running';
  }

  /** Says to many agents, whosever they are, that a skill of theirs was disabled or may be used again. */
  async switchSkill(tx: Tx, ids: readonly string[], data: SkillSwitchData): Promise<void> {
    const rows = await tx.query<Changed>(
      `UPDATE agents a SET desired_generation = desired_generation + 1, event_seq = event_seq + 1, updated_at = now()
         FROM (SELECT id FROM agents WHERE id = ANY ($1::uuid[]) ORDER BY id FOR NO KEY UPDATE) held
        WHERE a.id = held.id AND a.desired_state <> 'deleted' RETURNING a.id, a.org_id, a.event_seq`,
      [ids],
    );
    await this.journal.skillSwitched(tx, rows, data);
  }

  private async lock(tx: Tx, scope: Scope, id: string): Promise<LockedAgent> {
    const [agent] = await tx.query<LockedAgent>(LOCK, [scope.orgId, id]);
    if (!agent) throw agentNotFound();
    return agent;
  }

  private async ring(tx: Tx, agent: LockedAgent): Promise<void> {
    if (agent.host_id === null || agent.incarnation === null) return;
    await this.journal.ring(tx, agent.id, { id: agent.host_id, incarnation: agent.incarnation });
  }
}

function nextStatus(command: AgentCommand, agent: LockedAgent): AgentStatus | undefined {
  const { status, desired_state: desiredState } = agent;
  const refusal = refusalOf(command, { status, desiredState, isPaused: agent.paused_at !== null });
  if (refusal !== undefined) throw wrongAgentState(refusal);
  return statusAfter(command, {
    status,
    desiredState,
    restartGeneration: agent.restart_generation,
    observedRestartGeneration: agent.observed_restart_generation,
  });
}

/** `configuration` takes the place of every field but `model`; then `config` is merged in. */
function changedConfig(old: AgentConfig, { configuration, config }: UpdateAgent, inDocker: boolean): AgentConfig {
  if (configuration === undefined && config === undefined) return old;
  const base = configuration === undefined ? old : { ...configuration, model: old.model ?? null };
  return mergedConfig({}, { ...base, ...config }, inDocker);
}

/** Whether instances made from either are the same: what they may reach is looked up when they do. */
const makesTheSame = (one: AgentConfig, other: AgentConfig): boolean =>
  JSON.stringify({ ...one, egress: undefined }) === JSON.stringify({ ...other, egress: undefined });

async function one<Row>(tx: Tx, sql: string, values: readonly unknown[]): Promise<Row> {
  const [row] = await tx.query<Row>(sql, values);
  if (!row) throw agentNotFound();
  return row;
}
