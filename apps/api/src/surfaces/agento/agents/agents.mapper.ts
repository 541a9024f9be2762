import type { Agent, AgentExplanation, CreateAgent, LiveStatus, UpdateAgent } from '#libs/agents';
import { invalid } from '#libs/kernel';
import { isoTime, isoTimeOrNull } from '../agento.paging.js';
import { LLM_SECRETS, storedSecrets } from './agent-secrets.js';
import type { AgentStatusDto, StartedAgentDto, StoppedAgentDto, UpdatedImageDto } from './agent-lifecycle.dto.js';
import type { CreateAgentDto, UpdateAgentDto } from './agent-requests.dto.js';
import type { AgentWhyDto } from './agent-why.dto.js';
import type {
  AgentDetailsDto,
  AgentSummaryDto,
  AgentSwarmDto,
  CreatedAgentDto,
  DeletedAgentDto,
  UpdatedAgentDto,
} from './agents.dto.js';

/**
 * @throws DomainError `validation` when no key of a model's provider was given, the agent is not a demo, and no swarm is named
 * that may have one.
 */
export function toCreateAgent(body: CreateAgentDto): CreateAgent {
  const { secrets = {}, config = {} } = body;
  const hasKey = LLM_SECRETS.some((secret) => secrets[secret] !== undefined);
  if (!hasKey && config.llmProvider !== 'demo' && body.swarmId === undefined) throw keyMissing();
  return {
    name: body.name,
    region: body.region ?? 'eu',
    runtime: body.runtime,
    secrets: storedSecrets(secrets),
    config,
    soulMd: body.soulMd,
    workflowMd: body.workflowMd,
    swarmId: body.swarmId,
  };
}

/** @throws DomainError `validation` when nothing is to be changed. */
export function toUpdateAgent({ name, avatarUrl, config, swarmId }: UpdateAgentDto): UpdateAgent {
  const change = { name, avatarUrl, config, swarmId };
  if (Object.values(change).every((value) => value === undefined)) {
    throw invalid('Give at least one of name, avatarUrl, config and swarmId');
  }
  return change;
}

export const toAgentSummary = (agent: Agent): AgentSummaryDto => ({
  id: agent.id,
  name: agent.name,
  status: agent.status,
  region: agent.region,
  image: agent.image,
  swarm: toSwarm(agent.swarm),
  createdAt: isoTime(agent.createdAt),
  startedAt: isoTimeOrNull(agent.startedAt),
  stoppedAt: isoTimeOrNull(agent.stoppedAt),
});

export const toAgentDetails = (agent: Agent): { data: AgentDetailsDto } => ({
  data: {
    id: agent.id,
    name: agent.name,
    status: agent.status,
    region: agent.region,
    image: agent.image,
    avatarUrl: agent.avatarUrl,
    config: shownConfig(agent),
    workflowMd: agent.workflowMd,
    swarm: toSwarm(agent.swarm),
    createdAt: isoTime(agent.createdAt),
    startedAt: isoTimeOrNull(agent.startedAt),
    stoppedAt: isoTimeOrNull(agent.stoppedAt),
    lastError: agent.lastError,
    errorCategory: agent.errorCategory,
    needsRestart: agent.needsRestart,
  },
});

export const toCreatedAgent = (agent: Agent): { data: CreatedAgentDto } => ({
  data: {
    id: agent.id,
    name: agent.name,
    status: agent.status,
    region: agent.region,
    createdAt: isoTime(agent.createdAt),
    startedAt: isoTimeOrNull(agent.startedAt),
  },
});

export const toUpdatedAgent = ({ id, name, status, needsRestart }: Agent): { data: UpdatedAgentDto } => ({
  data: { id, name, status, needsRestart },
});

export const toStartedAgent = ({ id, status, startedAt }: Agent): { data: StartedAgentDto } => ({
  data: { id, status, startedAt: isoTimeOrNull(startedAt) },
});

export const toUpdatedImage = ({ id, status, image, previousImage, startedAt }: Agent): { data: UpdatedImageDto } => ({
  data: { id, status, image, previousImage, startedAt: isoTimeOrNull(startedAt) },
});

export const toStoppedAgent = ({ id, status, stoppedAt }: Agent): { data: StoppedAgentDto } => ({
  data: { id, status, stoppedAt: isoTimeOrNull(stoppedAt) },
});

export const toDeletedAgent = ({ id }: Agent): { data: DeletedAgentDto } => ({ data: { id, deleted: true } });

export const toAgentStatus = (live: LiveStatus): { data: AgentStatusDto } => ({
  data: {
    status: live.status,
    containerStatus: live.containerStatus,
    live: live.live,
    resources: live.resources && {
      memoryUsage: `${mebibytes(live.resources.memoryBytes)} / ${mebibytes(live.resources.memoryLimitBytes)}`,
      cpuPercent: `${live.resources.cpuPercent.toFixed(2)}%`,
    },
    source: live.source,
  },
});

export const toAgentWhy = (why: AgentExplanation): { data: AgentWhyDto } => ({
  data: {
    id: why.agentId,
    status: why.observed.status,
    desired: why.desired,
    observed: why.observed,
    needsRestart: why.needsRestart,
    host: why.host && { ...why.host, heartbeatAt: isoTime(why.host.heartbeatAt) },
    attempt: why.attempt,
    nextRetryAt: isoTimeOrNull(why.nextRetryAt),
    lastError: why.lastError,
    errorCategory: why.category,
    advice: why.advice,
    command: why.command && `POST /v1/agents/${why.agentId}/${why.command}`,
    image: why.image,
    files: why.files && {
      ...why.files,
      leftOut: [...why.files.leftOut],
      storedAt: isoTimeOrNull(why.files.storedAt),
      nextAt: isoTime(why.files.nextAt),
    },
    transitions: why.transitions.map(({ at, nextRetryAt, category, ...transition }) => ({
      ...transition,
      at: isoTime(at),
      nextRetryAt: isoTimeOrNull(nextRetryAt),
      errorCategory: category,
    })),
    refusedHosts: why.refusedHosts.map(({ at, ...refused }) => ({ ...refused, at: isoTime(at) })),
    switchedSkills: why.switchedSkills.map(({ at, ...skill }) => ({ ...skill, at: isoTime(at) })),
    imageUpdates: why.imageUpdates.map(({ at, category = null, error = null, ...update }) => ({
      ...update,
      at: isoTime(at),
      errorCategory: category,
      error,
    })),
  },
});

/** With the provider that is used although config names none, and how it is paid for. */
const shownConfig = ({ config, provider }: Agent): AgentDetailsDto['config'] => ({
  ...(provider === null ? {} : { llmProvider: provider }),
  ...(provider === null || provider === 'demo' ? {} : { authType: 'api_key' }),
  ...config,
});

const MEBIBYTE = 1024 * 1024;

const mebibytes = (bytes: number): string => `${Math.round(bytes / MEBIBYTE)}MiB`;

const toSwarm = (swarm: Agent['swarm']): AgentSwarmDto | null =>
  swarm && { id: swarm.id, name: swarm.name, slug: swarm.slug };

const keyMissing = (): Error =>
  invalid('The request is wrong', [
    {
      path: ['body', 'secrets'],
      message: `needs at least one of ${LLM_SECRETS.join(', ')}; only config.llmProvider "demo" works without`,
      type: 'missing',
    },
  ]);
