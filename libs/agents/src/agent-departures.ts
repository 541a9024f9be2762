import { Inject, Injectable } from '@nestjs/common';
import { Database } from '#libs/database';
import { OrganisationDepartures } from '#libs/identity';
import { DomainError, type Scope } from '#libs/kernel';
import { AgentCommands } from './agent-commands.js';

const AGENTS_AT_ONCE = 50;
const EVENTS_AT_ONCE = 5_000;

const PRESENT = `SELECT id FROM agents WHERE org_id = $1 AND desired_state <> 'deleted' LIMIT ${AGENTS_AT_ONCE}`;

/** Their containers or processes, workspaces and stored files are dealt with before an agent counts as deleted. */
const REMAIN = `SELECT EXISTS (SELECT FROM agents WHERE org_id = $1 AND status <> 'deleted') AS remain`;

const DROP_EVENTS = `
  DELETE FROM events WHERE (thing_kind, thing_id, seq) IN (
    SELECT e.thing_kind, e.thing_id, e.seq FROM agents a
      JOIN events e ON e.thing_kind = 'agent' AND e.thing_id = a.id WHERE a.org_id = $1 LIMIT ${EVENTS_AT_ONCE})
  RETURNING 1`;

/** Deletes the agents of an organisation that is being deleted, as their owner would. */
@Injectable()
export class AgentDepartures {
  constructor(
    @Inject(Database) private readonly database: Database,
    @Inject(AgentCommands) private readonly commands: AgentCommands,
    @Inject(OrganisationDepartures) departures: OrganisationDepartures,
  ) {
    departures.register((scope, signal) => this.leave(scope, signal));
  }

  private async leave(scope: Scope, signal: AbortSignal): Promise<boolean> {
    for (const { id } of await this.database.query<{ id: string }>(PRESENT, [scope.orgId])) {
      signal.throwIfAborted();
      await this.delete(scope, id);
    }
    const [row] = await this.database.query<{ remain: boolean }>(REMAIN, [scope.orgId]);
    if (row?.remain !== false) return false;
    return (await this.database.query(DROP_EVENTS, [scope.orgId])).length < EVENTS_AT_ONCE;
  }

  private async delete(scope: Scope, id: string): Promise<void> {
    try {
      await this.commands.run(scope, id, 'delete', 'the deletion of its organisation');
    } catch (error) {
      // another worker was faster
      if (!(error instanceof DomainError && error.kind === 'not_found')) throw error;
    }
  }
}
