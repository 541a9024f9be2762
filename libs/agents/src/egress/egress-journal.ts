import { Inject, Injectable } from '@nestjs/common';
import { Database } from '#libs/database';
import { EventLog, Notices } from '#libs/events';
import type { Scope } from '#libs/kernel';
import { AGENT_EVENTS, AgentEvent, type RefusedHostData } from '../agents.events.js';

/** Writes that the egress proxy refused a host. Who calls it sees to it that this is not too often. */
@Injectable()
export class EgressJournal {
  constructor(
    @Inject(Database) private readonly database: Database,
    @Inject(EventLog) private readonly log: EventLog,
    @Inject(Notices) private readonly notices: Notices,
  ) {}

  /** Nothing for an agent that is deleted. */
  refused(scope: Scope, agentId: string, data: RefusedHostData): Promise<void> {
    return this.database.transaction(async (tx) => {
      const [row] = await tx.query<{ event_seq: string }>(
        `UPDATE agents SET event_seq = event_seq + 1 WHERE org_id = $1 AND id = $2 AND desired_state <> 'deleted'
         RETURNING event_seq`,
        [scope.orgId, agentId],
      );
      if (!row) return;
      const event = { orgId: scope.orgId, kind: AGENT_EVENTS, id: agentId, seq: Number(row.event_seq) };
      await this.log.append(tx, { ...event, type: AgentEvent.egressRefused, data: { ...data } });
      this.notices.notifyAfter(tx, 'agent', agentId);
    });
  }
}
