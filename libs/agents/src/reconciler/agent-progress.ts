import { Inject, Injectable } from '@nestjs/common';
import type { ContainerState } from '#libs/containers';
import { Database } from '#libs/database';
import type { ImageUpdateData } from '../agents.events.js';
import { AgentClaims } from './agent-claims.js';
import type { ClaimedAgent } from './claimed-agent.js';
import { type Failure, STABLE_AFTER_MS, decideFailure } from './failure.js';
import { STATUS_BETWEEN, isOnProbation } from './reconcile-plan.js';

const ERASE_BATCH = 5_000;

const CLEAR = 'attempts = 0, last_error = NULL, error_category = NULL, next_attempt_at = NULL';

const ERASED = [
  'DELETE FROM heartbeat_executions WHERE agent_id = $1',
  'DELETE FROM agent_heartbeats WHERE agent_id = $1',
  'DELETE FROM chat_sessions WHERE agent_id = $1',
  'DELETE FROM agent_files WHERE agent_id = $1',
  'DELETE FROM agent_file_versions WHERE agent_id = $1',
  'DELETE FROM skill_placements WHERE agent_id = $1',
  'DELETE FROM skill_installs WHERE agent_id = $1',
  'DELETE FROM agent_skills WHERE agent_id = $1',
  'DELETE FROM agent_egress_hosts WHERE agent_id = $1',
  `INSERT INTO storage_deletions (store, key, org_id, due_at)
   SELECT store, 'orgs/' || org_id || '/agents/' || agent_id || '/', org_id, now() FROM agent_workspaces
    WHERE agent_id = $1 AND store IS NOT NULL ON CONFLICT DO NOTHING`,
  'DELETE FROM agent_workspace_files WHERE agent_id = $1',
  'DELETE FROM agent_workspaces WHERE agent_id = $1',
  'DELETE FROM agent_stats WHERE agent_id = $1',
  'DELETE FROM log_cursors WHERE agent_id = $1',
  `DELETE FROM secrets WHERE owner_kind = 'agent' AND owner_id = $1`,
];

/** Writes how far an agent has come. Every method is fenced and returns the agent as it is afterwards. */
@Injectable()
export class AgentProgress {
  constructor(
    @Inject(AgentClaims) readonly claims: AgentClaims,
    @Inject(Database) private readonly database: Database,
  ) {}

  announce(agent: ClaimedAgent): Promise<ClaimedAgent> {
    const status = STATUS_BETWEEN[agent.desiredState];
    return this.claims.write(agent, { status, cause: `wanted: ${agent.desiredState}` });
  }

  departing(agent: ClaimedAgent): Promise<ClaimedAgent> {
    return this.claims.write(agent, {
      status: 'restarting',
      cause: `leaves host ${agent.hostId} for ${agent.nextHostId}`,
    });
  }

  /** From here on the instance that is about to be made, and no other, may act: not even one that the same claim made before. */
  begin(agent: ClaimedAgent): Promise<ClaimedAgent> {
    return this.claims.write(agent, {
      status: agent.status === 'restarting' ? 'restarting' : 'provisioning',
      cause: `host ${agent.hostId} makes an instance`,
      attempt: agent.attempts + 1,
      set: `epoch = epoch + 1, instance_epoch = epoch + 1, endpoint = NULL, observed_generation = desired_generation,
            observed_restart_generation = restart_generation, next_attempt_at = NULL`,
    });
  }

  /** @param servesPeers left as it is when not given */
  running(
    agent: ClaimedAgent,
    { endpoint, imageId }: Pick<ContainerState, 'endpoint' | 'imageId'>,
    servesPeers: boolean | null = null,
  ): Promise<ClaimedAgent> {
    return this.claims.write(agent, {
      status: 'running',
      cause: 'the agent is ready',
      set: `endpoint = $6, started_at = CASE WHEN status = 'running' THEN started_at ELSE now() END,
            last_error = NULL, error_category = NULL, next_attempt_at = NULL,
            provisioned_at = coalesce(provisioned_at, now()), serves_peers = coalesce($7::boolean, serves_peers),
            image_id = $8, previous_image = NULL, previous_image_id = NULL`,
      values: [endpoint, servesPeers, imageId],
      imageUpdate: agent.previousImage === null ? undefined : imageUpdate('done', agent, agent.previousImage, imageId),
    });
  }

  stopped(agent: ClaimedAgent, cause = 'the instance is gone'): Promise<ClaimedAgent> {
    return this.claims.write(agent, {
      status: 'stopped',
      cause,
      set: `stopped_at = now(), instance_epoch = NULL, endpoint = NULL,
            observed_restart_generation = restart_generation, ${CLEAR}`,
      also: ['DELETE FROM agent_stats WHERE agent_id = $1'],
    });
  }

  /** Writes the failure and when the next attempt is due; tokens of the failed instance are void. */
  failed(agent: ClaimedAgent, failure: Failure): Promise<ClaimedAgent> {
    if (agent.previousImage !== null && isOnProbation(agent)) return this.returned(agent, agent.previousImage, failure);
    const ranMs = agent.status === 'running' && agent.startedAt ? Date.now() - agent.startedAt.getTime() : 0;
    const decision = decideFailure(failure, ranMs >= STABLE_AFTER_MS ? 0 : agent.attempts);
    const retry = decision.retryInSeconds;
    return this.claims.write(agent, {
      status: statusAfterFailure(agent, decision.visible),
      cause: failure.message,
      attempt: decision.attempts,
      nextRetryAt: retry === null ? null : new Date(Date.now() + retry * 1000),
      category: decision.category,
      error: failure.message,
      set: `instance_epoch = NULL, endpoint = NULL, attempts = $6, error_count = error_count + 1, last_error = $7, error_category = $8,
            next_attempt_at = CASE WHEN $9::float IS NULL THEN 'infinity' ELSE now() + make_interval(secs => $9) END`,
      values: [decision.attempts, failure.message, decision.category, retry],
    });
  }

  /** The new image is not well: from here on the agent is on the old one again, which is tried at once. */
  private returned(agent: ClaimedAgent, previousImage: string, failure: Failure): Promise<ClaimedAgent> {
    const { category, message } = failure;
    return this.claims.write(agent, {
      status: agent.status,
      cause: `the update to ${agent.image} failed, back to ${previousImage}: ${message}`,
      category,
      error: message,
      set: `image = previous_image, image_id = previous_image_id, previous_image = NULL, previous_image_id = NULL,
            instance_epoch = NULL, endpoint = NULL, attempts = 0, next_attempt_at = NULL, error_count = error_count + 1,
            last_error = $6, error_category = $7`,
      values: [message, category],
      imageUpdate: { ...imageUpdate('returned', agent, previousImage, null), category, error: message },
    });
  }

  /** Erases what the database keeps; a tombstone stays. Long output goes in batches first. */
  async erased(agent: ClaimedAgent, signal: AbortSignal): Promise<ClaimedAgent> {
    await this.eraseLogs(agent.id, signal);
    return this.claims.write(agent, {
      status: 'deleted',
      cause: 'all data is erased',
      set: `deleted_at = now(), config = '{}', avatar_url = NULL, persona = NULL, session_key = NULL, swarm_id = NULL, instance_epoch = NULL,
            endpoint = NULL, observed_restart_generation = restart_generation, ${CLEAR}`,
      also: ERASED,
    });
  }

  private async eraseLogs(agentId: string, signal: AbortSignal): Promise<void> {
    for (;;) {
      signal.throwIfAborted();
      const rows = await this.database.query<{ id: string }>(
        `DELETE FROM log_lines WHERE agent_id = $1 AND id IN (
           SELECT id FROM log_lines WHERE agent_id = $1 ORDER BY id LIMIT ${ERASE_BATCH}) RETURNING id`,
        [agentId],
      );
      if (rows.length < ERASE_BATCH) return;
    }
  }
}

const imageUpdate = (
  outcome: ImageUpdateData['outcome'],
  { image }: ClaimedAgent,
  previousImage: string,
  imageId: string | null,
): ImageUpdateData => ({ outcome, image, previousImage, imageId });

function statusAfterFailure(agent: ClaimedAgent, visible: boolean): ClaimedAgent['status'] {
  if (agent.desiredState !== 'running') return STATUS_BETWEEN[agent.desiredState];
  if (visible) return 'error';
  return agent.status === 'running' ? 'restarting' : agent.status === 'error' ? 'error' : agent.status;
}
