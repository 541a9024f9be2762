import { Inject, Injectable } from '@nestjs/common';
import { Database } from '#libs/database';
import type { ErrorCategory } from '../agent.js';
import { AgentJournal } from '../agent-journal.js';
import { type AgentStatus, canMove } from '../agent.state.js';
import { FenceLostError } from '../agents.errors.js';
import type { ImageUpdateData } from '../agents.events.js';
import { HostSession } from '../hosts/host-session.js';
import { CLAIMED_COLUMNS, type ClaimedAgent, type ClaimedRow, toClaimed } from './claimed-agent.js';

const MY_HOST = `host_id = $1 AND EXISTS (SELECT 1 FROM hosts WHERE hosts.id = $1 AND incarnation = $2)`;

const CLAIM = `
  UPDATE agents SET epoch = epoch + 1 WHERE id = $3 AND ${MY_HOST} AND status <> 'deleted'
  RETURNING ${CLAIMED_COLUMNS}`;

const CLAIM_DUE = `
  WITH due AS (
    SELECT id FROM agents
     WHERE ${MY_HOST} AND status <> 'deleted'
       AND (status <> desired_state OR observed_restart_generation <> restart_generation OR next_host_id IS NOT NULL)
       AND (next_attempt_at IS NULL OR next_attempt_at <= now() OR next_host_id IS NOT NULL) AND id <> ALL ($3::uuid[])
     ORDER BY next_attempt_at NULLS FIRST LIMIT $4 FOR UPDATE SKIP LOCKED
  )
  UPDATE agents SET epoch = epoch + 1 FROM due WHERE agents.id = due.id RETURNING agents.id, agents.epoch`;

const CLAIM_INSTANCES = `
  UPDATE agents SET epoch = epoch + 1 WHERE ${MY_HOST} AND instance_epoch IS NOT NULL RETURNING ${CLAIMED_COLUMNS}`;

const RELOAD = `SELECT ${CLAIMED_COLUMNS} FROM agents WHERE id = $1 AND epoch = $2`;

/** What a step writes besides the status. Fragments are constants of this file's users, never input. */
export interface StatusWrite {
  readonly status: AgentStatus;
  readonly cause: string;
  /** Further assignments, with values from `$6` on. */
  readonly set?: string;
  readonly values?: readonly unknown[];
  readonly attempt?: number;
  readonly nextRetryAt?: Date | null;
  readonly category?: ErrorCategory;
  readonly error?: string;
  /** How the update of its image goes on with this. */
  readonly imageUpdate?: ImageUpdateData | undefined;
  /** Statements of the same transaction, each with the agent's id as `$1`. */
  readonly also?: readonly string[];
}

/**
 * Takes agents for work and writes what came of it. A claim raises the agent's epoch; every write says
 * `WHERE epoch = mine`, so that whoever lost the claim writes nothing. Only the agent's host, in its present
 * incarnation, can claim.
 */
@Injectable()
export class AgentClaims {
  constructor(
    @Inject(Database) private readonly database: Database,
    @Inject(HostSession) private readonly host: HostSession,
    @Inject(AgentJournal) private readonly journal: AgentJournal,
  ) {}

  /** Undefined when the agent is gone, or not this host's. */
  async claim(agentId: string): Promise<ClaimedAgent | undefined> {
    const rows = await this.database.named<ClaimedRow>('agents.claim', CLAIM, [...this.me(), agentId]);
    return rows[0] && toClaimed(rows[0]);
  }

  /** Ids of up to `limit` agents that are not where they should be and due, but for those `busy` here. */
  async claimDue(busy: readonly string[], limit: number): Promise<string[]> {
    const rows = await this.database.named<{ id: string }>('agents.due', CLAIM_DUE, [...this.me(), busy, limit]);
    return rows.map((row) => row.id);
  }

  /** All of this host's agents that have an instance. */
  async claimInstances(): Promise<ClaimedAgent[]> {
    return (await this.database.query<ClaimedRow>(CLAIM_INSTANCES, this.me())).map(toClaimed);
  }

  /**
   * To be called before each side effect: a worker that stood still for long beats and looks again, since its agents may
   * be another host's by now. @throws FenceLostError
   */
  async hold(agent: ClaimedAgent): Promise<ClaimedAgent> {
    if (this.host.holdsLease) return agent;
    await this.host.beat();
    return this.reload(agent);
  }

  /** The agent as it is now. @throws FenceLostError when another took it. */
  async reload(agent: ClaimedAgent): Promise<ClaimedAgent> {
    const rows = await this.database.named<ClaimedRow>('agents.reload', RELOAD, [agent.id, agent.epoch]);
    if (!rows[0]) throw new FenceLostError(agent.id, agent.epoch);
    return toClaimed(rows[0]);
  }

  /**
   * Writes a status, its event and its notice, unless the owner has changed their mind meanwhile: then nothing.
   * @returns the agent as it is now. @throws FenceLostError
   */
  async write(agent: ClaimedAgent, change: StatusWrite): Promise<ClaimedAgent> {
    if (!canMove(agent.status, change.status)) throw new Error(`No way from ${agent.status} to ${change.status}`);
    const written = await this.database.transaction(async (tx) => {
      const [row] = await tx.query<ClaimedRow>(
        `UPDATE agents SET status = $5, event_seq = event_seq + 1, updated_at = now()${change.set ? `, ${change.set}` : ''}
          WHERE id = $1 AND epoch = $2 AND desired_state = $3 AND restart_generation = $4
         RETURNING ${CLAIMED_COLUMNS}`,
        [agent.id, agent.epoch, agent.desiredState, agent.restartGeneration, change.status, ...(change.values ?? [])],
      );
      if (!row) return undefined;
      for (const statement of change.also ?? []) await tx.query(statement, [agent.id]);
      await this.journal.status(tx, row, {
        from: agent.status,
        to: change.status,
        cause: change.cause,
        ...(change.attempt === undefined ? {} : { attempt: change.attempt }),
        ...(change.nextRetryAt === undefined ? {} : { nextRetryAt: change.nextRetryAt?.toISOString() ?? null }),
        ...(change.category === undefined ? {} : { category: change.category }),
        ...(change.error === undefined ? {} : { error: change.error }),
      });
      if (change.imageUpdate) await this.journal.image(tx, agent.id, change.imageUpdate);
      return toClaimed(row);
    });
    return written ?? this.reload(agent);
  }

  /** Writes where the instance is before it is ready. @throws FenceLostError */
  async locate(agent: ClaimedAgent, endpoint: string | null): Promise<ClaimedAgent> {
    const [row] = await this.database.query<ClaimedRow>(
      `UPDATE agents SET endpoint = $3 WHERE id = $1 AND epoch = $2 RETURNING ${CLAIMED_COLUMNS}`,
      [agent.id, agent.epoch, endpoint],
    );
    if (!row) throw new FenceLostError(agent.id, agent.epoch);
    return toClaimed(row);
  }

  /** Writes that no instance is left that may act. @throws FenceLostError */
  async forgetInstance(agent: ClaimedAgent): Promise<ClaimedAgent> {
    const [row] = await this.database.query<ClaimedRow>(
      `UPDATE agents SET instance_epoch = NULL, endpoint = NULL WHERE id = $1 AND epoch = $2 RETURNING ${CLAIMED_COLUMNS}`,
      [agent.id, agent.epoch],
    );
    if (!row) throw new FenceLostError(agent.id, agent.epoch);
    return toClaimed(row);
  }

  private me(): [string, number] {
    return [this.host.id, this.host.incarnation];
  }
}
