import { Inject, Injectable } from '@nestjs/common';
import { AuditLog, done } from '#libs/audit';
import { CONFIG, type Config } from '#libs/config';
import { Database, type Tx } from '#libs/database';
import type { Scope } from '#libs/kernel';
import type { AgentRuntime } from './agent.js';
import { AgentJournal, type Changed } from './agent-journal.js';
import type { AgentStatus, DesiredState } from './agent.state.js';
import { agentNotFound, imageNotAllowed } from './agents.errors.js';

interface LockedImage {
  readonly status: AgentStatus;
  readonly desired_state: DesiredState;
  readonly runtime: AgentRuntime;
  readonly image: string;
  readonly previous_image: string | null;
  readonly host_id: string | null;
  readonly incarnation: number | null;
}

const LOCK = `
  SELECT a.status, a.desired_state, a.runtime, a.image, a.previous_image, a.host_id, h.incarnation
    FROM agents a LEFT JOIN hosts h ON h.id = a.host_id
   WHERE a.org_id = $1 AND a.id = $2 AND a.desired_state <> 'deleted' FOR UPDATE OF a`;

/** What an update that is under way would go back to stays that: it is the last image that was well. */
const UPDATE = `
  UPDATE agents SET image = $3, image_id = NULL, previous_image = coalesce(previous_image, image),
         previous_image_id = CASE WHEN previous_image IS NULL THEN image_id ELSE previous_image_id END,
         status = $4, restart_generation = restart_generation + $5,
         next_attempt_at = NULL, attempts = 0, last_error = NULL, error_category = NULL,
         event_seq = event_seq + 1, updated_at = now()
   WHERE org_id = $1 AND id = $2 RETURNING id, org_id, event_seq, previous_image`;

const ANY_TAG = ':*';
const TAG = /^:\w[\w.-]{0,127}$/;

/** Whether one of `allowed` is the image, or, ending in `:*`, stands for every tag of it. */
export const isAllowedImage = (allowed: readonly string[], image: string): boolean =>
  allowed.some((entry) => {
    if (!entry.endsWith(ANY_TAG)) return entry === image;
    const name = entry.slice(0, -ANY_TAG.length);
    return image.startsWith(`${name}:`) && TAG.test(image.slice(name.length));
  });

/** Moves agents to other images. The reconciler tries the new one and goes back to the old one when it does not get well. */
@Injectable()
export class AgentImages {
  constructor(
    @Inject(Database) private readonly database: Database,
    @Inject(CONFIG) private readonly config: Config,
    @Inject(AgentJournal) private readonly journal: AgentJournal,
    @Inject(AuditLog) private readonly audit: AuditLog,
  ) {}

  /**
   * An agent that is to run is made anew from the image, a stopped one at its next start. What is under way already is left alone.
   * @param image - one that the operator allows; default the one that new agents get.
   * @throws DomainError `not_found`; `validation` for an image that is not allowed.
   */
  update(scope: Scope, id: string, image: string | undefined, cause: string): Promise<void> {
    return this.database.transaction(async (tx) => {
      const [agent] = await tx.query<LockedImage>(LOCK, [scope.orgId, id]);
      if (!agent) throw agentNotFound();
      const target = this.target(agent.runtime, image);
      if (agent.previous_image !== null && agent.image === target) return;
      await this.write(tx, scope, id, agent, target, cause);
    });
  }

  private target(runtime: AgentRuntime, image: string | undefined): string {
    const { image: usual, images } = this.config[runtime === 'openclaw' ? 'openclaw' : 'agent'];
    const target = image ?? usual;
    if (!isAllowedImage([usual, ...images], target)) throw imageNotAllowed();
    return target;
  }

  private async write(
    tx: Tx,
    scope: Scope,
    id: string,
    agent: LockedImage,
    target: string,
    cause: string,
  ): Promise<void> {
    const runs = agent.desired_state === 'running';
    const status = runs ? 'restarting' : agent.status;
    const values = [scope.orgId, id, target, status, runs ? 1 : 0];
    const [row] = await tx.query<Changed & { previous_image: string }>(UPDATE, values);
    if (!row) throw agentNotFound();
    await this.journal.status(tx, row, { from: agent.status, to: status, cause: `update by ${cause} to ${target}` });
    const previousImage = row.previous_image;
    await this.journal.image(tx, id, { outcome: 'wanted', image: target, previousImage, imageId: null });
    await this.audit.append(
      tx,
      scope,
      done({ subject: cause }, 'agent.update_image', `agent:${id}`, { image: target }),
    );
    if (agent.host_id === null || agent.incarnation === null) return;
    await this.journal.ring(tx, id, { id: agent.host_id, incarnation: agent.incarnation });
  }
}
