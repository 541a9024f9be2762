import { Inject, Injectable } from '@nestjs/common';
import { Database, type Tx } from '#libs/database';
import { type Caller, type Scope, isUuid, requireScope } from '#libs/kernel';
import { SwarmDepartures, SwarmsService } from '#libs/swarms';
import { AgentCommands } from './agent-commands.js';
import { AgentJournal, type Changed } from './agent-journal.js';
import { agentNotFound } from './agents.errors.js';

/** In the order of their ids, so that two who release never wait for each other. */
const RELEASE = `
  WITH leaving AS (
    SELECT id FROM agents
     WHERE org_id = $1 AND swarm_id = $2 AND ($3::uuid IS NULL OR id = $3) AND desired_state <> 'deleted'
     ORDER BY id FOR UPDATE)
  UPDATE agents a SET swarm_id = NULL, desired_generation = desired_generation + 1, event_seq = event_seq + 1,
         updated_at = now()
    FROM leaving WHERE a.id = leaving.id RETURNING a.id, a.org_id, a.event_seq`;

/** Agents join and leave swarms from the swarm's side, and leave one that is deleted. A running one needs a restart. */
@Injectable()
export class AgentSwarmsService {
  constructor(
    @Inject(Database) private readonly database: Database,
    @Inject(AgentCommands) private readonly commands: AgentCommands,
    @Inject(AgentJournal) private readonly journal: AgentJournal,
    @Inject(SwarmsService) private readonly swarms: SwarmsService,
    @Inject(SwarmDepartures) departures: SwarmDepartures,
  ) {
    departures.register(async (tx, scope, swarmId, cause) => {
      await this.release(tx, scope, swarmId, cause);
    });
  }

  /** An agent of another swarm changes over. @throws DomainError `not_found` for swarm and agent. */
  async assign(caller: Caller, swarmId: string, agentId: string): Promise<void> {
    requireScope(caller, 'swarms:write');
    if (!isUuid(agentId)) throw agentNotFound();
    await this.commands.update(caller, agentId, { swarmId }, caller.subject);
  }

  /** @throws DomainError `not_found` for the swarm, and for an agent that is not of it. */
  async unassign(caller: Caller, swarmId: string, agentId: string): Promise<void> {
    requireScope(caller, 'swarms:write');
    await this.database.transaction(async (tx) => {
      await this.swarms.hold(tx, caller, swarmId);
      const left = isUuid(agentId) ? await this.release(tx, caller, swarmId, caller.subject, agentId) : 0;
      if (left === 0) throw agentNotFound();
    });
  }

  private async release(tx: Tx, scope: Scope, swarmId: string, cause: string, agentId?: string): Promise<number> {
    const rows = await tx.query<Changed>(RELEASE, [scope.orgId, swarmId, agentId ?? null]);
    for (const row of rows) await this.journal.updated(tx, row, ['swarmId'], cause);
    return rows.length;
  }
}
