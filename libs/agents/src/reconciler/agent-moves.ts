import { Inject, Injectable } from '@nestjs/common';
import { Database } from '#libs/database';
import { AgentJournal, type Changed } from '../agent-journal.js';
import { FenceLostError } from '../agents.errors.js';
import { CLAIMED_COLUMNS, type ClaimedAgent, type ClaimedRow, toClaimed } from './claimed-agent.js';

/** The next host's worker, if it lives; where it died meanwhile its agents are rescued from it. */
const HAND_OVER = `
  UPDATE agents SET host_id = next_host_id, next_host_id = NULL, epoch = epoch + 1, instance_epoch = NULL, endpoint = NULL,
         next_attempt_at = CASE WHEN isfinite(next_attempt_at) THEN NULL ELSE next_attempt_at END,
         event_seq = event_seq + 1, updated_at = now()
    FROM hosts h
   WHERE agents.id = $1 AND epoch = $2 AND h.id = agents.next_host_id
  RETURNING agents.id, org_id, event_seq, h.id AS "hostId", h.incarnation`;

const STAY = `
  UPDATE agents SET next_host_id = NULL WHERE id = $1 AND epoch = $2 RETURNING ${CLAIMED_COLUMNS}`;

/** Hands agents over to other hosts. Every write is fenced by the claim. */
@Injectable()
export class AgentMoves {
  constructor(
    @Inject(Database) private readonly database: Database,
    @Inject(AgentJournal) private readonly journal: AgentJournal,
  ) {}

  /** Nothing of the agent runs here any more: from here on it is the next host's. @throws FenceLostError */
  async handOver(agent: ClaimedAgent): Promise<void> {
    await this.database.transaction(async (tx) => {
      const values = [agent.id, agent.epoch];
      const [row] = await tx.query<Changed & { hostId: string; incarnation: number }>(HAND_OVER, values);
      if (!row) throw new FenceLostError(agent.id, agent.epoch);
      const cause = `moved from host ${agent.hostId} to host ${row.hostId}`;
      await this.journal.status(tx, row, { from: agent.status, to: agent.status, cause });
      await this.journal.ring(tx, agent.id, { id: row.hostId, incarnation: row.incarnation });
    });
  }

  /** It does not move after all. @throws FenceLostError */
  async stay(agent: ClaimedAgent): Promise<ClaimedAgent> {
    const [row] = await this.database.query<ClaimedRow>(STAY, [agent.id, agent.epoch]);
    if (!row) throw new FenceLostError(agent.id, agent.epoch);
    return toClaimed(row);
  }
}
