import { Inject, Injectable } from '@nestjs/common';
import { CONTAINER_RUNTIME, type ContainerRuntime, MEMORY } from '#libs/containers';
import { AgentClaims } from './agent-claims.js';
import type { ClaimedAgent } from './claimed-agent.js';

/** What was stored of the memory goes from the storage too, so that no restore brings it back. */
const forgetStored = (paths: readonly string[]): string[] => [
  `WITH former AS (
     DELETE FROM agent_workspace_files
      WHERE agent_id = $1 AND (${paths.map((path) => `path = '${path}' OR starts_with(path, '${path}/')`).join(' OR ')})
     RETURNING org_id, object_key)
   INSERT INTO storage_deletions (store, key, org_id, due_at)
   SELECT w.store, f.object_key, f.org_id, now() + interval '10 minutes'
     FROM former f JOIN agent_workspaces w ON w.agent_id = $1 WHERE w.store IS NOT NULL ON CONFLICT DO NOTHING`,
  `UPDATE agent_workspaces w SET version = version + 1, files = left_over.files, bytes = left_over.bytes
     FROM (SELECT count(*)::int AS files, coalesce(sum(size_bytes), 0) AS bytes FROM agent_workspace_files WHERE agent_id = $1) left_over
    WHERE w.agent_id = $1 AND w.version > 0`,
];

/**
 * Takes away what a repair, or a reset of the memory, asked for, while the agent has no instance. Done again after a crash it
 * changes nothing; the wish is cleared by the write that says it is done.
 */
@Injectable()
export class AgentRenewal {
  constructor(
    @Inject(AgentClaims) private readonly claims: AgentClaims,
    @Inject(CONTAINER_RUNTIME) private readonly runtime: ContainerRuntime,
  ) {}

  async renew(agent: ClaimedAgent, signal: AbortSignal): Promise<ClaimedAgent> {
    const { repairWanted, memoryResetWanted } = agent;
    if (repairWanted) await this.runtime.remove(agent.id, { wipe: false, connections: true }, signal);
    const paths = MEMORY[agent.runtime];
    if (memoryResetWanted) {
      const image = agent.previousImage ?? agent.image;
      await this.runtime.workspaces.erase(agent.id, { image, paths, signal });
    }
    const done = [
      ...(repairWanted ? ['network and instance are gone'] : []),
      ...(memoryResetWanted ? ['its memory is gone'] : []),
    ];
    return this.claims.write(agent, {
      status: agent.status,
      cause: `to be made anew: ${done.join(', ')}`,
      set: `instance_epoch = NULL, endpoint = NULL, repair_wanted = false, memory_reset_wanted = false,
            memory_reset_at = CASE WHEN memory_reset_wanted THEN now() ELSE memory_reset_at END`,
      also: memoryResetWanted ? forgetStored(paths) : [],
    });
  }
}
