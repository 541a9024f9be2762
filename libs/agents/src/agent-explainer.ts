import { Inject, Injectable } from '@nestjs/common';
import { Database } from '#libs/database';
import { type DomainEvent, EventLog } from '#libs/events';
import type { Scope } from '#libs/kernel';
import { CATEGORIES } from './advice.js';
import type {
  AgentExplanation,
  AgentFilesState,
  AgentTransition,
  ErrorCategory,
  ImageUpdate,
  RefusedHost,
  SwitchedSkill,
} from './agent.js';
import type { AgentStatus, DesiredState } from './agent.state.js';
import { agentNotFound } from './agents.errors.js';
import {
  AGENT_EVENTS,
  AgentEvent,
  type ImageUpdateData,
  type RefusedHostData,
  type SkillSwitchData,
  type StatusEventData,
} from './agents.events.js';
import { HOST_SILENT_AFTER_SECONDS } from './hosts/host.js';

/** Of each kind. */
const MOST_EVENTS = 20;

const EXPLAIN = `
  SELECT a.status, a.desired_state, a.desired_generation, a.observed_generation, a.restart_generation,
         a.observed_restart_generation, a.attempts, a.last_error, a.error_category, a.image, a.image_id, a.previous_image,
         CASE WHEN isfinite(a.next_attempt_at) THEN a.next_attempt_at END AS next_attempt_at,
         h.id AS host_id, h.region AS host_region, h.draining, h.heartbeat_at,
         h.dead_since IS NULL AND h.heartbeat_at > now() - make_interval(secs => $3) AS alive,
         to_jsonb(w) AS workspace
    FROM agents a LEFT JOIN hosts h ON h.id = a.host_id LEFT JOIN agent_workspaces w ON w.agent_id = a.id
   WHERE a.org_id = $1 AND a.id = $2 AND a.desired_state <> 'deleted'`;

interface ExplainRow {
  readonly status: AgentStatus;
  readonly desired_state: DesiredState;
  readonly desired_generation: number;
  readonly observed_generation: number;
  readonly restart_generation: number;
  readonly observed_restart_generation: number;
  readonly attempts: number;
  readonly last_error: string | null;
  readonly error_category: ErrorCategory | null;
  readonly image: string;
  readonly image_id: string | null;
  readonly previous_image: string | null;
  readonly next_attempt_at: Date | null;
  readonly host_id: string | null;
  readonly host_region: string;
  readonly draining: boolean;
  readonly heartbeat_at: Date;
  readonly alive: boolean;
  readonly workspace: WorkspaceJson | null;
}

interface WorkspaceJson {
  readonly files: number;
  readonly bytes: number;
  readonly synced_at: string | null;
  readonly last_error: string | null;
  readonly error_code: string | null;
  readonly next_sync_at: string;
  readonly left_out: readonly string[];
}

/** Tells why an agent is in the state it is in. */
@Injectable()
export class AgentExplainer {
  constructor(
    @Inject(Database) private readonly database: Database,
    @Inject(EventLog) private readonly log: EventLog,
  ) {}

  async explain(scope: Scope, id: string): Promise<AgentExplanation> {
    const [row] = await this.database.query<ExplainRow>(EXPLAIN, [scope.orgId, id, HOST_SILENT_AFTER_SECONDS]);
    if (!row) throw agentNotFound();
    return {
      agentId: id,
      ...explanation(row),
      transitions: await this.transitions(scope, id),
      refusedHosts: await this.refusedHosts(scope, id),
      switchedSkills: await this.switchedSkills(scope, id),
      imageUpdates: await this.imageUpdates(scope, id),
    };
  }

  private async transitions(scope: Scope, id: string): Promise<AgentTransition[]> {
    const events = await this.last(scope, id, AgentEvent.status);
    return events.map(({ seq, at, data }) => toTransition(seq, at, data as unknown as StatusEventData));
  }

  private async refusedHosts(scope: Scope, id: string): Promise<RefusedHost[]> {
    const events = await this.last(scope, id, AgentEvent.egressRefused);
    return events.map(({ seq, at, data }) => ({ seq, at, ...(data as unknown as RefusedHostData) }));
  }

  private async switchedSkills(scope: Scope, id: string): Promise<SwitchedSkill[]> {
    const events = await this.last(scope, id, AgentEvent.skillSwitched);
    return events.map(({ seq, at, data }) => ({ seq, at, ...(data as unknown as SkillSwitchData) }));
  }

  private async imageUpdates(scope: Scope, id: string): Promise<ImageUpdate[]> {
    const events = await this.last(scope, id, AgentEvent.image);
    return events.map(({ seq, at, data }) => ({ seq, at, ...(data as unknown as ImageUpdateData) }));
  }

  private last(scope: Scope, id: string, type: string): Promise<DomainEvent[]> {
    return this.log.read(scope, AGENT_EVENTS, id, { limit: MOST_EVENTS, newestFirst: true, type });
  }
}

function explanation(
  row: ExplainRow,
): Omit<AgentExplanation, 'agentId' | 'transitions' | 'refusedHosts' | 'switchedSkills' | 'imageUpdates'> {
  return {
    desired: {
      state: row.desired_state,
      generation: row.desired_generation,
      restartGeneration: row.restart_generation,
    },
    observed: {
      status: row.status,
      generation: row.observed_generation,
      restartGeneration: row.observed_restart_generation,
    },
    needsRestart: needsRestart(row),
    host: row.host_id
      ? {
          id: row.host_id,
          region: row.host_region,
          alive: row.alive,
          draining: row.draining,
          heartbeatAt: row.heartbeat_at,
        }
      : null,
    attempt: row.attempts,
    nextRetryAt: row.next_attempt_at,
    lastError: row.last_error,
    category: row.error_category,
    advice: row.error_category && CATEGORIES[row.error_category].advice,
    command: commandFor(row),
    image: { reference: row.image, imageId: row.image_id, previousImage: row.previous_image },
    files: row.workspace && toFiles(row.workspace),
  };
}

const needsRestart = (row: ExplainRow): boolean =>
  row.status === 'running' && row.desired_generation > row.observed_generation;

function commandFor(row: ExplainRow): AgentExplanation['command'] {
  if (row.error_category === null) return needsRestart(row) ? 'restart' : null;
  return row.error_category === 'host_lost' ? null : 'start';
}

const toFiles = (workspace: WorkspaceJson): AgentFilesState => ({
  count: workspace.files,
  bytes: workspace.bytes,
  storedAt: workspace.synced_at === null ? null : new Date(workspace.synced_at),
  lastError: workspace.last_error,
  errorCode: workspace.error_code,
  nextAt: new Date(workspace.next_sync_at),
  leftOut: workspace.left_out,
});

const toTransition = (seq: number, at: Date, data: StatusEventData): AgentTransition => ({
  seq,
  at,
  from: data.from as AgentStatus | null,
  to: data.to as AgentStatus,
  cause: data.cause,
  attempt: data.attempt ?? null,
  nextRetryAt: data.nextRetryAt ? new Date(data.nextRetryAt) : null,
  category: (data.category as ErrorCategory | undefined) ?? null,
  error: data.error ?? null,
});
