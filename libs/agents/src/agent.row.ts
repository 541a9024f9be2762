import type { Agent, AgentConfig, AgentRuntime, ErrorCategory } from './agent.js';
import { providerWith } from './agent-config.js';
import type { AgentStatus, DesiredState } from './agent.state.js';

/** Columns of `agents a`, and of `swarms s` joined to it, as {@link toAgent} reads them. */
export const AGENT_COLUMNS = `
  a.id, a.org_id, a.created_by, a.name, a.persona, a.session_key, a.error_count, a.provisioned_at, a.paused_at,
  a.status, a.desired_state, a.region, a.runtime, a.image, a.image_id, a.previous_image, a.avatar_url, a.config,
  a.desired_generation, a.observed_generation, a.last_error, a.error_category,
  a.created_at, a.updated_at, a.started_at, a.stopped_at, s.id AS swarm_id, s.name AS swarm_name, s.slug AS swarm_slug`;

export interface AgentRow {
  readonly id: string;
  readonly org_id: string;
  readonly created_by: string | null;
  readonly name: string;
  readonly persona: string | null;
  readonly session_key: string | null;
  readonly error_count: number;
  readonly provisioned_at: Date | null;
  readonly paused_at: Date | null;
  readonly status: AgentStatus;
  readonly desired_state: DesiredState;
  readonly region: string;
  readonly runtime: AgentRuntime;
  readonly image: string;
  readonly image_id: string | null;
  readonly previous_image: string | null;
  readonly avatar_url: string | null;
  readonly config: AgentConfig;
  readonly desired_generation: number;
  readonly observed_generation: number;
  readonly last_error: string | null;
  readonly error_category: ErrorCategory | null;
  readonly created_at: Date;
  readonly updated_at: Date;
  readonly started_at: Date | null;
  readonly stopped_at: Date | null;
  readonly swarm_id: string | null;
  readonly swarm_name: string | null;
  readonly swarm_slug: string | null;
  readonly workflow_md?: string | null;
  readonly secret_names?: readonly string[];
}

export const toAgent = (row: AgentRow): Agent => ({
  id: row.id,
  orgId: row.org_id,
  createdBy: row.created_by,
  name: row.name,
  persona: row.persona,
  sessionKey: row.session_key,
  status: row.status,
  desiredState: row.desired_state,
  region: row.region,
  runtime: row.runtime,
  image: row.image,
  imageId: row.image_id,
  previousImage: row.previous_image,
  avatarUrl: row.avatar_url,
  config: row.config,
  workflowMd: row.workflow_md ?? null,
  provider: (row.secret_names && providerWith(row.config, row.secret_names)) ?? null,
  swarm: row.swarm_id ? { id: row.swarm_id, name: row.swarm_name ?? '', slug: row.swarm_slug ?? '' } : null,
  needsRestart: row.status === 'running' && row.desired_generation > row.observed_generation,
  lastError: row.last_error,
  errorCategory: row.error_category,
  errorCount: row.error_count,
  createdAt: row.created_at,
  updatedAt: row.updated_at,
  startedAt: row.started_at,
  stoppedAt: row.stopped_at,
  provisionedAt: row.provisioned_at,
  pausedAt: row.paused_at,
});
