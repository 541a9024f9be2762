import { type Agent, DEFAULT_MODELS, type UpdateAgent } from '#libs/agents';
import type { DirectReply } from '#libs/conversations';
import type { HeartbeatChange, HeartbeatExecution, HeartbeatSettings } from '#libs/heartbeats';
import type { Page, PageRequest } from '#libs/kernel';
import { pageNumbers } from '../agent402.paging.js';
import { isoTime, isoTimeOrNull } from '../agent402.times.js';
import { contractStatus } from './agent-status.js';
import type {
  AgentActionDto,
  AgentDto,
  AgentReplyDto,
  AgentSettingsDto,
  HeartbeatExecutionDto,
  HeartbeatExecutionListDto,
  UpdateAgentDto,
} from './agents.dto.js';

/** An agent with when and with what it is woken. */
export interface HeartbeatAgent {
  readonly agent: Agent;
  readonly heartbeat: HeartbeatSettings;
}

export function toAgentDto({ agent, heartbeat }: HeartbeatAgent): AgentDto {
  const status = contractStatus(agent);
  return {
    id: agent.id,
    name: agent.name,
    persona: agent.persona,
    model: modelOf(agent),
    user_id: agent.createdBy,
    workspace_id: agent.orgId,
    status,
    openclaw_session_key: agent.sessionKey,
    openclaw_agent_id: agent.provisionedAt === null ? null : agent.id,
    heartbeat_enabled: heartbeat.enabled,
    heartbeat_interval: heartbeat.interval,
    heartbeat_checklist: [...heartbeat.checklist],
    last_heartbeat_at: isoTimeOrNull(heartbeat.lastAt),
    next_heartbeat_at: isoTimeOrNull(heartbeat.nextAt),
    configuration: configurationOf(agent),
    error_message: agent.lastError,
    error_count: agent.errorCount,
    created_at: isoTime(agent.createdAt),
    updated_at: isoTime(agent.updatedAt),
    provisioned_at: isoTimeOrNull(agent.provisionedAt),
    paused_at: status === 'paused' ? isoTimeOrNull(agent.pausedAt) : null,
    stopped_at: status === 'stopped' ? isoTimeOrNull(agent.stoppedAt) : null,
  };
}

export const toAgentAction = (found: HeartbeatAgent, what: string): AgentActionDto => ({
  ...toAgentDto(found),
  message: `${what}; the agent is ${contractStatus(found.agent)}`,
});

export const toAgentReply = (agentId: string, reply: DirectReply): AgentReplyDto => ({
  response: reply.text,
  agent_id: agentId,
  message_id: reply.messageId,
});

export const toAgentSettings = ({ agent, heartbeat }: HeartbeatAgent): AgentSettingsDto => ({
  agent_id: agent.id,
  name: agent.name,
  persona: agent.persona,
  model: modelOf(agent),
  heartbeat: { enabled: heartbeat.enabled, interval: heartbeat.interval, checklist: [...heartbeat.checklist] },
  configuration: configurationOf(agent),
  updated_at: isoTime(agent.updatedAt),
});

/** What of a body is the agent's, and what its heartbeat's. */
export function toAgentChange(body: UpdateAgentDto): { change: UpdateAgent; heartbeat?: HeartbeatChange } {
  const { heartbeat, model, name, persona, configuration } = body;
  const config = model === undefined ? undefined : { model };
  const change = { name: name ?? undefined, persona, configuration: configuration ?? undefined, config };
  return { change, heartbeat: heartbeat ?? undefined };
}

export const toHeartbeatExecution = (execution: HeartbeatExecution): HeartbeatExecutionDto => ({
  id: execution.id,
  agent_id: execution.agentId,
  status: execution.status,
  checklist_items: [...execution.checklist],
  due_at: isoTime(execution.dueAt),
  is_manual: execution.isManual,
  started_at: isoTimeOrNull(execution.startedAt),
  completed_at: isoTimeOrNull(execution.completedAt),
  duration_seconds: secondsBetween(execution.startedAt, execution.completedAt),
  response: execution.response,
  error_message: execution.errorMessage,
});

export const toHeartbeatExecutions = (
  page: Page<HeartbeatExecution>,
  request: PageRequest,
): HeartbeatExecutionListDto => ({ executions: page.items.map(toHeartbeatExecution), ...pageNumbers(page, request) });

/** The one it was given, or the one its provider is asked for without. */
function modelOf({ config }: Agent): string | null {
  return config.model ?? (config.llmProvider === undefined ? null : DEFAULT_MODELS[config.llmProvider]);
}

function configurationOf({ config }: Agent): Record<string, unknown> {
  const { model: _model, ...rest } = config;
  return rest;
}

const secondsBetween = (from: Date | null, to: Date | null): number | null =>
  from && to ? Math.max(0, to.getTime() - from.getTime()) / 1000 : null;
