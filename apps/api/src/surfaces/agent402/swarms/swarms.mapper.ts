import type { CreateTeam, ListTeams, Team, TeamRun, TeamStep, UpdateTeam } from '#libs/orchestration';
import { type Page, type PageRequest, invalid } from '#libs/kernel';
import { pageNumbers, toPageRequest } from '../agent402.paging.js';
import type {
  CreateSwarmDto,
  ListSwarmsQuery,
  RemoveSwarmAgentsDto,
  SwarmAgentsQuery,
  SwarmDto,
  SwarmListDto,
  SwarmRunDetailsDto,
  SwarmRunDto,
  SwarmRunListDto,
  SwarmStepDto,
  UpdateSwarmDto,
} from './swarms.dto.js';

export const toListTeams = (query: ListSwarmsQuery): ListTeams => ({ ...toPageRequest(query), status: query.status });

export const toCreateTeam = ({ agent_ids: agentIds, ...rest }: CreateSwarmDto): CreateTeam => ({ ...rest, agentIds });

export const toUpdateTeam = (body: UpdateSwarmDto): UpdateTeam => ({ ...body });

/** The ids to take out, wherever they stand. @throws DomainError `validation` when they stand nowhere. */
export function idsToRemove(body: RemoveSwarmAgentsDto | undefined, query: SwarmAgentsQuery): readonly string[] {
  const ids = body?.agent_ids ?? query.agent_ids;
  if (ids && ids.length > 0) return ids;
  const issue = { path: ['body', 'agent_ids'], message: 'Field required', type: 'missing' };
  throw invalid('agent_ids is missing', [issue]);
}

export const toSwarm = (team: Team): SwarmDto => ({
  id: team.id,
  name: team.name,
  description: team.description,
  strategy: team.strategy,
  goal: team.goal,
  status: team.status,
  agent_ids: [...team.agentIds],
  agent_count: team.agentIds.length,
  user_id: team.userId,
  configuration: { ...team.configuration },
  error_message: team.errorMessage,
  created_at: team.createdAt.toISOString(),
  updated_at: team.updatedAt.toISOString(),
  started_at: team.startedAt?.toISOString() ?? null,
  paused_at: team.pausedAt?.toISOString() ?? null,
  stopped_at: team.stoppedAt?.toISOString() ?? null,
});

export const toSwarmList = (page: Page<Team>, request: PageRequest): SwarmListDto => ({
  swarms: page.items.map(toSwarm),
  ...pageNumbers(page, request),
});

export const toSwarmRun = (run: TeamRun): SwarmRunDto => ({
  id: run.id,
  swarm_id: run.swarmId,
  strategy: run.strategy,
  status: run.status,
  result: run.result,
  error_code: run.errorCode,
  error_message: run.errorMessage,
  started_by: run.startedBy,
  started_at: run.startedAt.toISOString(),
  finished_at: run.finishedAt?.toISOString() ?? null,
  step_count: run.steps,
  input_tokens: run.inputTokens,
  output_tokens: run.outputTokens,
  cost_micro_usd: run.costMicroUsd,
});

export const toSwarmRunList = (page: Page<TeamRun>, request: PageRequest): SwarmRunListDto => ({
  runs: page.items.map(toSwarmRun),
  ...pageNumbers(page, request),
});

const toSwarmStep = (step: TeamStep): SwarmStepDto => ({
  id: step.id,
  agent_id: step.agentId,
  kind: step.kind,
  round: step.round,
  position: step.position,
  prompt: step.prompt,
  status: step.status,
  attempts: step.attempts,
  output: step.output,
  error_code: step.errorCode,
  error_message: step.errorMessage,
  input_tokens: step.inputTokens,
  output_tokens: step.outputTokens,
  cost_micro_usd: step.costMicroUsd,
  started_at: step.startedAt?.toISOString() ?? null,
  finished_at: step.finishedAt?.toISOString() ?? null,
});

export const toSwarmRunDetails = ({
  run,
  steps,
}: {
  run: TeamRun;
  steps: readonly TeamStep[];
}): SwarmRunDetailsDto => ({ ...toSwarmRun(run), steps: steps.map(toSwarmStep) });
