import type { Agent, AgentStatus, CreateAgent } from '#libs/agents';
import type { HeartbeatChange, HeartbeatExecution } from '#libs/heartbeats';
import { type Page, type PageRequest, invalid } from '#libs/kernel';
import type { Template } from '#libs/templates';
import { pageNumbers } from '../agent402/agent402.paging.js';
import { isoTimeOrNull } from '../agent402/agent402.times.js';
import {
  type HeartbeatAgent,
  toAgentChange,
  toAgentDto,
  toHeartbeatExecution,
} from '../agent402/agents/agents.mapper.js';
import type {
  CreateSharedAgentDto,
  Presence,
  SharedAgentDto,
  SharedAgentListDto,
  SharedHeartbeatDto,
} from './agents.dto.js';
import type { ApiProfile } from './profile.js';

const PRESENCE: Readonly<Record<AgentStatus, Presence>> = {
  provisioning: 'provisioning',
  restarting: 'updating',
  running: 'online',
  stopping: 'offline',
  stopped: 'offline',
  error: 'offline',
  deleting: 'deleting',
  deleted: 'deleting',
};

/** What the body does not say is the template's. @throws DomainError `validation` when nothing says which model. */
export function toNewAgent(
  body: CreateSharedAgentDto,
  template?: Template,
): { agent: CreateAgent; heartbeat?: HeartbeatChange } {
  const model = body.model ?? template?.defaultModel;
  if (model === undefined) throw kindMissing();
  const { change, heartbeat } = toAgentChange(body);
  const config = { ...change.configuration, model };
  const persona = body.persona ?? template?.defaultPersona;
  const agent = { name: body.name, persona, config, secrets: {}, keyLater: true };
  if (!template) return { agent, heartbeat };
  const { defaultHeartbeatInterval: interval, defaultChecklist: checklist } = template;
  return { agent, heartbeat: { interval, checklist, ...heartbeat } };
}

const kindMissing = (): Error =>
  invalid('Give model for an agent of its own, or board_id for one of a board', [
    { path: ['body', 'model'], message: 'Field required (or board_id)', type: 'missing' },
  ]);

export function toSharedAgent(found: HeartbeatAgent, profile?: ApiProfile): SharedAgentDto {
  const { agent, heartbeat } = found;
  const own = toAgentDto(found);
  const presence = PRESENCE[agent.status];
  return {
    ...own,
    status: profile === 'mission-control' ? presence : own.status,
    kind: 'runtime',
    lifecycle_status: own.status,
    presence_status: presence,
    board_id: null,
    gateway_id: null,
    heartbeat_config: { every: heartbeat.interval, target: 'last', includeReasoning: false },
    identity_profile: {},
    identity_template: null,
    soul_template: null,
    is_board_lead: false,
    is_gateway_main: false,
    openclaw_session_id: agent.sessionKey,
    last_seen_at: isoTimeOrNull(later(agent.startedAt, heartbeat.lastAt)),
  };
}

export function toSharedAgentList(
  page: Page<HeartbeatAgent>,
  request: PageRequest,
  profile?: ApiProfile,
): Partial<SharedAgentListDto> {
  const numbers = pageNumbers(page, request);
  const rows = page.items.map((found) => toSharedAgent(found, profile));
  if (profile === 'agentclaw') return { agents: rows, ...numbers };
  return profile === 'mission-control' ? { items: rows, ...numbers } : { agents: rows, items: rows, ...numbers };
}

/** For clients of one contract alone the execution by itself: its `id` is then the execution's. */
export function toSharedHeartbeat(
  found: HeartbeatAgent,
  done: HeartbeatExecution,
  profile?: ApiProfile,
): Partial<SharedHeartbeatDto> {
  const execution = toHeartbeatExecution(done);
  const { id, ...outcome } = execution;
  const message = done.status === 'completed' ? 'The heartbeat was completed' : `The heartbeat is ${done.status}`;
  if (profile === 'agentclaw') return { id, ...outcome, message };
  return { ...toSharedAgent(found), ...outcome, message, execution };
}

const later = (one: Agent['startedAt'], other: Date | null): Date | null =>
  one !== null && other !== null ? new Date(Math.max(one.getTime(), other.getTime())) : (one ?? other);
